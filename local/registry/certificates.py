"""TLS of the local registry: the set-up's own authority, a server certificate, and CA bundles."""

import os
import re
import shutil
import ssl
import time
from datetime import UTC, datetime
from pathlib import Path

from catalogue.registries import LOCAL_HOST
from clients.trust import SYSTEM_BUNDLES
from local.machine.layout import Layout
from local.machine.steps import SetupError, as_root, output, run, step

HOSTS = Path("/etc/hosts")
DAYS = "3650"
_NAMES = f"nameConstraints=critical,permitted;DNS:{LOCAL_HOST},permitted;IP:127.0.0.1/255.255.255.255"
"""Name constraints (RFC 5280, 4.2.1.10): the authority can't vouch for any other name."""
DEBIAN_AUTHORITIES = Path("/usr/share/ca-certificates/mozilla")
_CERTIFICATE = re.compile(r"-----BEGIN CERTIFICATE-----\n.*?-----END CERTIFICATE-----\n", re.S)


def system_bundle(layout: Layout) -> str:
    """The machine's own authorities as PEM text, from SSL_CERT_FILE or the distribution's bundle.

    Comments between the certificates may be in any encoding.
    """
    for name in (os.environ.get("SSL_CERT_FILE", ""), *SYSTEM_BUNDLES):
        # In a shell of `make env` the variable names the set-up's own bundle.
        if name and Path(name) != layout.trust and Path(name).is_file():
            return Path(name).read_text(errors="replace")
    return ""


def machine_authorities(bundle: str, known: str) -> str:
    """Certificates of `bundle` that are not in `known`, as PEM text."""
    seen = set(_CERTIFICATE.findall(known))
    return "".join(pem for pem in dict.fromkeys(_CERTIFICATE.findall(bundle)) if pem not in seen)


def ensure_certificates(layout: Layout) -> None:
    """Create the authority and the registry's certificate once; write the bundles when they change.

    Raises SetupError if this machine's clock is outside the time for which they are valid.
    """
    folder = layout.ca.parent
    with step(f"TLS certificate of {LOCAL_HOST}") as this:
        folder.mkdir(parents=True, exist_ok=True)
        _remove_leftovers(folder)
        if (folder / "registry.crt").exists():
            for certificate in (layout.ca, folder / "registry.crt"):
                _refuse_at_another_time(certificate)
            this.found = "made before"
        else:
            _make(layout, folder)
            this.found = f"created; its authority is {layout.ca}"
        _write(layout.trust, system_bundle(layout) + layout.ca.read_text())
        known = "".join(path.read_text() for path in sorted(DEBIAN_AUTHORITIES.glob("*.crt")))
        _write(layout.build_ca, machine_authorities(system_bundle(layout), known))


def _refuse_at_another_time(certificate: Path) -> None:
    """Raise SetupError if this machine's clock is outside the time for which a certificate is valid.

    Otherwise each program would refuse the registry in its own words, and an image would be built with that
    clock: files that are older than its sources keep their times, so its digest would be another one.
    """
    printed = output(["openssl", "x509", "-noout", "-dates", "-in", str(certificate)]) or ""
    dates = [ssl.cert_time_to_seconds(date) for date in re.findall(r"^not\w+=(.+)$", printed, re.M)]
    if len(dates) != 2:
        return  # not a certificate: the registry's log says why it can't start
    begins, now, ends = dates[0], time.time(), dates[1]
    if not begins <= now <= ends:
        raise SetupError(
            f"{certificate} is valid from {_written(begins)} to {_written(ends)} UTC, and this machine's "
            f"clock is at {_written(now)}: set it (`sudo timedatectl set-ntp true`). If it is right, "
            "`./skyinfra setup rotate ca` makes new certificates."
        )


def _written(seconds: float) -> str:
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M}"


def renew_certificates(layout: Layout) -> None:
    """Replace the authority and the registry's certificate; a killed run leaves a complete pair or none."""
    folder = layout.ca.parent
    _remove_leftovers(folder)
    new, old = _asides(folder)
    # The copy includes the bundles, because running programs read them.
    shutil.copytree(folder, new)
    _make(layout, new)
    folder.rename(old)
    new.rename(folder)
    _remove_leftovers(folder)


def _asides(folder: Path) -> tuple[Path, Path]:
    return folder.with_name(f"{folder.name}-new"), folder.with_name(f"{folder.name}-old")


def _remove_leftovers(folder: Path) -> None:
    for aside in _asides(folder):
        shutil.rmtree(aside, ignore_errors=True)


def _make(layout: Layout, folder: Path) -> None:
    log = layout.logs / "certificates.log"
    key_options = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
    run(
        ["openssl", "req", "-x509", *key_options, "-days", DAYS, "-subj", "/CN=skycoin local registry"]
        + ["-addext", _NAMES, "-keyout", str(folder / "ca.key"), "-out", str(folder / "ca.crt")],
        log=log,
    )
    run(
        ["openssl", "req", *key_options, "-subj", f"/CN={LOCAL_HOST}"]
        + ["-keyout", str(folder / "registry.key"), "-out", str(folder / "registry.csr")],
        log=log,
    )
    (folder / "san.cnf").write_text(f"subjectAltName=DNS:{LOCAL_HOST}\n")
    run(
        ["openssl", "x509", "-req", "-in", str(folder / "registry.csr"), "-days", DAYS]
        + ["-CA", str(folder / "ca.crt"), "-CAkey", str(folder / "ca.key"), "-CAcreateserial"]
        + ["-extfile", str(folder / "san.cnf"), "-out", str(folder / "registry.crt")],
        log=log,
    )


def _write(path: Path, text: str) -> None:
    if not path.exists() or path.read_text() != text:
        path.write_text(text)


def ensure_name(layout: Layout) -> None:
    """Map registry.localhost to 127.0.0.1 in /etc/hosts, because Go programs don't resolve *.localhost."""
    with step(f"{LOCAL_HOST} in /etc/hosts") as this:
        hosts = HOSTS.read_text(errors="replace")
        if re.search(rf"^127\.0\.0\.1\s.*\b{re.escape(LOCAL_HOST)}\b", hosts, re.M):
            this.found = "there"
            return
        line = f"127.0.0.1 {LOCAL_HOST}"
        # Otherwise the entry would continue a last line that has no line end.
        added = f"{line}\n" if hosts.endswith("\n") else f"\n{line}\n"
        append = ["sh", "-c", 'printf %s "$1" >> "$0"', str(HOSTS), added]
        run(as_root(append), log=layout.logs / "certificates.log")
        this.found = f"added “{line}”"


def ensure_engine_trust(layout: Layout) -> None:
    """Install the authority where the engine reads it: /etc/docker/certs.d/HOST:PORT/ca.crt."""
    folder = Path("/etc/docker/certs.d") / layout.registry
    with step(f"the engine's trust in {layout.registry}") as this:
        if output(["cat", str(folder / "ca.crt")]) == layout.ca.read_text().strip():
            this.found = "there"
            return
        log = layout.logs / "certificates.log"
        run(as_root(["mkdir", "-p", str(folder)]), log=log)
        run(as_root(["cp", str(layout.ca), str(folder / "ca.crt")]), log=log)
        this.found = f"wrote {folder}/ca.crt"
