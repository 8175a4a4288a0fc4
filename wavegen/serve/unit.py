"""A systemd unit that runs the server."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

SECRET = "--api-key"
TEXT = """\
# /etc/systemd/system/wavegen.service; then: systemctl enable --now wavegen
# A key for clients: WAVEGEN_API_KEY=… in /etc/wavegen.env, which root alone may read.
[Unit]
Description=wavegen speech server
After=network.target

[Service]
ExecStart={command}
WorkingDirectory={folder}
EnvironmentFile=-/etc/wavegen.env
Environment=WAVEGEN_CACHE=/var/cache/wavegen
CacheDirectory=wavegen
DynamicUser=yes
Restart=on-failure
TimeoutStopSec={seconds}
NoNewPrivileges=yes
PrivateTmp=yes
ProtectHome=read-only
ProtectSystem=strict
ProtectKernelTunables=yes
ProtectControlGroups=yes
RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX

[Install]
WantedBy=multi-user.target
"""


def unit(arguments: Sequence[str], seconds: int) -> str:
    """The text of a unit.

    Args:
        arguments: of the server; a key among them is left out, since anyone may read a unit.
        seconds: that the server gets to end its requests.
    """
    kept: list[str] = []
    skip = False
    for argument in arguments:
        option = argument.replace("_", "-")
        if not skip and not option.startswith(SECRET):
            kept.append(argument)
        skip = option == SECRET
    command = " ".join(map(_quoted, [sys.executable, "-m", "wavegen", "serve", *kept]))
    folder = str(Path.cwd()).replace("%", "%%")
    return TEXT.format(command=command, folder=folder, seconds=seconds)


def _quoted(argument: str) -> str:
    """As systemd reads it (systemd.service(5), "Command lines")."""
    plain = argument.replace("\\", "\\\\").replace('"', '\\"')
    plain = plain.replace("%", "%%").replace("$", "$$")
    return f'"{plain}"' if not plain or set(plain) & set(" \t'\";\\") else plain
