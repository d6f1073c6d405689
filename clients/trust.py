"""Paths of files with the certificate authorities that a machine trusts."""

SYSTEM_BUNDLES = (
    "/etc/ssl/certs/ca-certificates.crt",  # Debian, Ubuntu, Alpine, Arch
    "/etc/pki/tls/certs/ca-bundle.crt",  # Fedora
)
"""Distributions' bundles, as PEM files; SSL_CERT_FILE takes precedence."""
