"""Which exit code each of our errors means, for scripts and for systemd."""

from __future__ import annotations

import sys

SUCCESS = 0
FAILED = 1
USAGE = 2
TRY_LATER = 75  # EX_TEMPFAIL
BAD_CONFIGURATION = 78  # EX_CONFIG; the unit says RestartPreventExitStatus=78

# By the class' home, so that the exit code of a command does not cost the import of rooms it never used.
_CODES = {
    ("watcher.settings.problems", "SettingsError"): BAD_CONFIGURATION,
    ("watcher.settings.secrets", "SecretError"): BAD_CONFIGURATION,
    ("watcher.vault.errors", "VaultError"): FAILED,
    ("watcher.store.errors", "StoreError"): FAILED,
    ("watcher.service.backup", "BackupError"): FAILED,
    ("watcher.service.publishing", "PublishError"): FAILED,
    ("watcher.web", "WebError"): FAILED,
    ("watcher.rendering.media", "MediaError"): FAILED,
    ("watcher.rendering.camera", "CameraUnusableError"): FAILED,
    ("watcher.rendering.browser", "BrowserMissingError"): FAILED,
    ("watcher.demo.server", "DemoError"): FAILED,
    ("watcher.batch.cluster.errors", "ClusterUnreachable"): TRY_LATER,
    ("watcher.batch.cluster.errors", "ClusterError"): FAILED,
    ("watcher.batch.filemail", "NothingToImportError"): FAILED,
    ("watcher.derivation.seat", "WorkersUnusableError"): FAILED,
    ("watcher.mailbox.errors", "MailboxError"): FAILED,
    ("watcher.authenticity.checking", "ToolsMissing"): FAILED,
    ("watcher.oauth.errors", "EndpointBusy"): TRY_LATER,
    ("watcher.oauth.errors", "EndpointUnreachable"): TRY_LATER,
    ("watcher.oauth.errors", "ClientRefused"): BAD_CONFIGURATION,
    ("watcher.oauth.errors", "OAuthError"): FAILED,
}


def exit_code(error: BaseException) -> int | None:
    """The exit code of an error that we raise on purpose; None for a defect, which deserves its traceback."""
    homes = {(each.__module__, each.__qualname__) for each in type(error).__mro__}
    for (module, name), code in _CODES.items():
        loaded = sys.modules.get(module)
        if loaded is not None and (module, name) in homes:
            return code
    return None
