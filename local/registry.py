"""The local registry: distribution's, over TLS, on loopback only."""

import ssl
import urllib.error
import urllib.request
from pathlib import Path

from local.layout import Layout
from local.services import Service

CONFIG = """\
version: 0.1
log: {{level: info, accesslog: {{disabled: false}}}}
storage:
  filesystem: {{rootdirectory: {data}}}
  delete: {{enabled: true}}
http:
  addr: 127.0.0.1:{port}
  # For resumable uploads across several processes; this is one, on loopback.
  secret: local
  tls: {{certificate: {folder}/registry.crt, key: {folder}/registry.key}}
"""


def registry_service(layout: Layout, program: Path) -> Service:
    """The service; its settings file is written anew at each start."""
    folder = layout.ca.parent
    config = layout.state / "registry.yml"
    text = CONFIG.format(
        data=layout.state / "registry",
        port=layout.registry_port,
        folder=folder,
    )
    config.parent.mkdir(parents=True, exist_ok=True)
    config.write_text(text)
    return Service(
        name="registry",
        argv=[str(program), "serve", str(config)],
        # No trace exporter: distribution 3 would look for a collector on localhost.
        env={"OTEL_TRACES_EXPORTER": "none"},
        ready=lambda: _answers(layout),
        port=layout.registry_port,
    )


def _answers(layout: Layout) -> bool:
    context = ssl.create_default_context(cafile=str(layout.ca))
    try:
        with urllib.request.urlopen(f"https://{layout.registry}/v2/", context=context, timeout=2) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False
