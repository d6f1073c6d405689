"""The local registry: distribution's, with TLS, on loopback only, and with the set-up's login."""

import ssl
import urllib.error
import urllib.request
from pathlib import Path

from local.machine.layout import Layout
from local.machine.services import Service
from local.registry.login import authorization

CONFIG = """\
version: 0.1
log: {{level: info, accesslog: {{disabled: false}}}}
storage:
  filesystem: {{rootdirectory: {data}}}
  delete: {{enabled: true}}
auth:
  htpasswd: {{realm: {address}, path: {htpasswd}}}
http:
  addr: 127.0.0.1:{port}
  # For resumable uploads across several processes; this is one, on loopback.
  secret: local
  tls: {{certificate: {folder}/registry.crt, key: {folder}/registry.key}}
"""

NAME = "registry"
"""Name of the service."""


def registry_service(layout: Layout, program: Path) -> Service:
    """Write the registry's configuration, and return its service; the login must already exist."""
    folder, data = layout.ca.parent, layout.state / "registry"
    config = layout.state / "registry.yml"
    text = CONFIG.format(
        data=data, port=layout.registry_port, folder=folder, address=layout.registry, htpasswd=layout.htpasswd
    )
    # The login protects these files.
    data.mkdir(parents=True, exist_ok=True)
    data.chmod(0o700)
    config.write_text(text)
    return Service(
        name=NAME,
        argv=[str(program), "serve", str(config)],
        # No trace exporter: distribution 3 would look for a collector on localhost.
        env={"OTEL_TRACES_EXPORTER": "none"},
        reads=[folder / "registry.crt", layout.htpasswd],
        ready=lambda: _answers(layout),
        port=layout.registry_port,
    )


def _answers(layout: Layout) -> bool:
    context = ssl.create_default_context(cafile=str(layout.ca))
    request = urllib.request.Request(f"https://{layout.registry}/v2/", headers=authorization(layout))
    try:
        with urllib.request.urlopen(request, context=context, timeout=2) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False
