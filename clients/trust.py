"""Where a machine keeps the certificate authorities that it trusts."""

SYSTEM_BUNDLES = (
    "/etc/ssl/certs/ca-certificates.crt",  # Debian, Ubuntu, Alpine, Arch
    "/etc/pki/tls/certs/ca-bundle.crt",  # Fedora
)
"""The distributions' bundles, as PEM files; SSL_CERT_FILE goes before them."""
