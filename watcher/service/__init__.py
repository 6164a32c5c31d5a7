"""The daemon: polls every inbox, derives what arrived, and tells systemd and the log how it goes."""
