"""Much mail at once: importing files, and deriving everything again."""
