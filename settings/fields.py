"""Types of single values in a stack's YAML: the allowed values of each, and the errors for others."""

import ipaddress
import re
from collections.abc import Callable, Collection, Iterable
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field
from pydantic.config import JsonDict

from catalogue.arch import ARCHES
from catalogue.boards import BOARDS
from catalogue.images import EXPORTER_UID, PROXY_UID
from catalogue.naming import address_fault, repository_fault, split_pinned, tag_fault, version_fault
from catalogue.node_container import USER_FORM, user_fault
from catalogue.workspaces import PYTHONS
from clients.age import recipient_fault, without_comment

NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?")
_VOLUME = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_.-]{0,127}")
_COMMIT = re.compile(r"[0-9a-f]{40}")
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_DATE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")
_STACK = re.compile(r"[A-Za-z0-9_.-]+(/[A-Za-z0-9_.-]+){0,2}")
_BRANCH = re.compile(r"[^\s\x00-\x1f\x7f]*")
_BUILDER = re.compile(r"[^\s-]\S*")
_ACCOUNT = re.compile(r"[0-9]{12}")
_REGION = re.compile(r"[a-z]{2}(-gov)?-[a-z]+-[1-9]")
_SECRET_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")
_LOG_SIZE = re.compile(r"[1-9][0-9]{0,3}[mg]")
_DURATION = re.compile(r"(?=\d)((?P<h>\d{1,2})h)?((?P<m>\d{1,4})m)?((?P<s>\d{1,5})s)?", re.ASCII)
_LENGTHS = {"h": 3600, "m": 60, "s": 1}
REASON = 200
"""Maximum length of a reason, in characters."""
SECRET = re.compile(r"TOKEN|PASSWORD|PASSPHRASE|SECRET|CREDENTIAL|API_?KEY|PRIVATE", re.IGNORECASE)
"""Words that show that a name is a secret's: its value is not shown, and must not be in plain text."""
_ENGINE = re.compile(r"local|unix:///\S+|ssh://[\w.-]+@[\w.-]+(:(?P<port>\d{1,5}))?", re.ASCII)
LOGIN = re.compile(r"((?<=https://)|(?<=http://))[^/\s]+(?=@)|(?<=://)[^/\s]*:[^/\s]*(?=@)", re.IGNORECASE)
"""Login in a URL: one with a password, or any for http(s). `git@` of ssh is not a login."""

_PART = r"[^\s#?\x00-\x1f\x7f]+"
_GIT_URL = re.compile(
    rf"https?://[^/\s#?]+/{_PART}\.git|(ssh|git)://[^/\s#?]+/{_PART}|git@[^/:\s#?]+:{_PART}"
)
"""URLs that BuildKit fetches with git, at the commit that the program appends after `#`. Other ones it would
download as a file, take for an image or a folder, or fetch at the fragment."""
_GIT_FORMS = (
    "https://HOST/PATH.git, http://HOST/PATH.git, ssh://USER@HOST/PATH, git://HOST/PATH or git@HOST:PATH, "
    "without blanks, '#' and '?'"
)


def _refusing(fault: Callable[[str], str | None]) -> AfterValidator:
    """Validator that refuses a value for which `fault` returns a reason."""

    def check(value: str) -> str:
        if reason := fault(value):
            raise ValueError(reason)
        return value

    return AfterValidator(check)


def _matching(pattern: re.Pattern[str], otherwise: str) -> AfterValidator:
    """Validator that refuses a value which `pattern` does not match entirely, with this message."""
    return _refusing(lambda value: None if pattern.fullmatch(value) else otherwise)


def _among(names: Collection[str]) -> AfterValidator:
    return _refusing(lambda value: None if value in names else f"must be one of {', '.join(names)}")


def _date_fault(value: str) -> str | None:
    allowed = 'a date is a time in UTC, in quotes: "2020-11-23T01:01:48Z"'
    if not _DATE.fullmatch(value):
        return allowed
    try:
        datetime.fromisoformat(value)
    except ValueError as error:
        return f"{allowed} ({error})"
    return None


def _reason_fault(value: str) -> str | None:
    fits = value.strip() and value.isprintable() and len(value) <= REASON
    return None if fits else f"a reason is one line of 1 to {REASON} printable characters"


def _account(value: Any) -> Any:
    """Check an account ID before its type is checked, because digits without quotes are a number in YAML."""
    if not (isinstance(value, str) and _ACCOUNT.fullmatch(value)):
        raise ValueError('an AWS account ID is 12 digits, in quotes: "123456789012"')
    return value


def _listen_fault(value: str) -> str | None:
    try:
        ipaddress.ip_address(value)
    except ValueError:
        return "must be one IP address of the host, such as 127.0.0.1 or 0.0.0.0"
    return None


def engine_fault(value: str) -> str | None:
    """Reason why a value can't be the `engine` of a host, or None."""
    fits = _ENGINE.fullmatch(value)
    if fits is None:
        return "must be local, unix:///PATH, ssh://USER@HOST or ssh://USER@HOST:PORT"
    return None if 1 <= int(fits["port"] or 22) <= 65535 else "a port is from 1 to 65535"


def _git_url_fault(value: str) -> str | None:
    if LOGIN.search(value):
        state = "a login in a URL would be in the state in plain text"
        return f"{state}; give GIT_AUTH_TOKEN as a build secret (docs/stacks.md)"
    return None if _GIT_URL.fullmatch(value) else f"must be {_GIT_FORMS} (the commit is the key commit)"


def _secret_name_fault(value: str) -> str | None:
    allowed = (
        "a secret's name has up to 64 letters, digits, '_', '.' and '-', and begins with a letter or digit; "
        "for build-ca use skycoin:build-ca"
    )
    return None if _SECRET_NAME.fullmatch(value) and value != "build-ca" else allowed


def _pinned(value: str) -> str:
    split_pinned(value)
    return value


def _python(value: Any) -> Any:
    """Check a version before its type is checked: without quotes it is a number in YAML, and 3.10 is 3.1."""
    allowed = ", ".join(f'"{version}"' for version in PYTHONS)
    if not isinstance(value, str) or value not in PYTHONS:
        raise ValueError(f"must be one of {allowed}, in quotes")
    return value


def seconds_of(duration: str) -> int:
    """Length of a duration, in seconds; 0 for a text that is not a duration."""
    parts = _DURATION.fullmatch(duration)
    return sum(int(parts[unit] or 0) * length for unit, length in _LENGTHS.items()) if parts else 0


def _duration(value: str) -> str:
    """Write a duration as Go and Docker do; any other form would be a difference in every run."""
    seconds = seconds_of(value)
    if not 1 <= seconds <= _LENGTHS["h"]:
        raise ValueError("a time is from 1s to 1h, such as 90s, 3m or 2m30s")
    hours, minutes = seconds // _LENGTHS["h"], seconds % _LENGTHS["h"] // 60
    return (f"{hours}h" if hours else "") + (f"{minutes}m" if hours or minutes else "") + f"{seconds % 60}s"


def _recipient(value: str) -> str:
    if fault := recipient_fault(value):
        raise ValueError(fault)
    return without_comment(value)


def form(allowed: str, example: object, pattern: str | None = None) -> Any:
    """Description and example of a type's values, for messages, editors and docs/settings.md."""
    extra: JsonDict = {"allowed": allowed, **({"pattern": pattern} if pattern else {})}
    return Field(examples=[example], json_schema_extra=extra)


def _one_of(names: Iterable[str], example: str) -> Any:
    return Field(examples=[example], json_schema_extra={"enum": list(names)})


Version = Annotated[str, _refusing(version_fault), form("vMAJOR.MINOR.PATCH", "v0.27.1", r"^v\d+\.\d+\.\d+$")]
Commit = Annotated[
    str,
    _matching(_COMMIT, "a commit is 40 hexadecimal digits, in lower case"),
    form(
        "40 hexadecimal digits in lower case",
        "13141d81aaa5fa3c653522f6d462dfc851c962f2",
        f"^{_COMMIT.pattern}$",
    ),
]
Date = Annotated[
    str, _refusing(_date_fault), form("UTC, in quotes", "2020-11-23T01:01:48Z", f"^{_DATE.pattern}$")
]
Digest = Annotated[
    str,
    _matching(_DIGEST, "a digest is sha256: and 64 hexadecimal digits"),
    form("sha256: and 64 hexadecimal digits", f"sha256:{'0' * 64}", f"^{_DIGEST.pattern}$"),
]
Reason = Annotated[
    str,
    _refusing(_reason_fault),
    form(f"one line of 1 to {REASON} printable characters", "stops at block 180000"),
]
Tag = Annotated[
    str,
    _refusing(tag_fault),
    form(
        "letters, digits, `_`, `.` and `-`, beginning with a letter, a digit or `_`; at most 120 characters",
        "latest",
        r"^[A-Za-z0-9_][A-Za-z0-9_.-]*$",
    ),
]
Repository = Annotated[
    str,
    _refusing(repository_fault),
    form(
        "lower-case letters and digits, with `.`, `_`, `-` inside and `/` between parts",
        "skycoin/skycoin",
        r"^[a-z0-9]+([._/-]+[a-z0-9]+)*$",
    ),
]
Address = Annotated[
    str,
    _refusing(address_fault),
    form(
        "HOST or HOST:PORT, with or without /NAMESPACE after it; no scheme",
        "registry.example:5000",
        r"^[A-Za-z0-9][A-Za-z0-9.-]*(:\d+)?(/.+)?$",
    ),
]
Account = Annotated[
    str, BeforeValidator(_account), form("12 digits, in quotes", "123456789012", f"^{_ACCOUNT.pattern}$")
]
Region = Annotated[
    str,
    _matching(_REGION, "must be an AWS region, such as eu-central-1"),
    form("an AWS region", "eu-central-1", f"^{_REGION.pattern}$"),
]
Listen = Annotated[str, _refusing(_listen_fault), form("one IP address of the host", "0.0.0.0")]
ArchName = Annotated[str, _among(ARCHES), _one_of(ARCHES, "amd64")]
BoardName = Annotated[str, _among(BOARDS), _one_of(BOARDS, "raspberry-pi-4")]
VolumeName = Annotated[
    str,
    _matching(
        _VOLUME,
        "a volume's name has up to 128 letters, digits, '_', '.', '-', and begins with a letter or digit "
        "(no path)",
    ),
    form(
        "up to 128 letters, digits, `_`, `.`, `-`, beginning with a letter or digit; no path",
        "volume-of-attic",
        f"^{_VOLUME.pattern}$",
    ),
]
Engine = Annotated[
    str,
    _refusing(engine_fault),
    form(
        "local, unix:///PATH, ssh://USER@HOST or ssh://USER@HOST:PORT",
        "ssh://pi@attic.lan",
        r"^(local|unix:///\S+|ssh://[\w.-]+@[\w.-]+(:\d{1,5})?)$",
    ),
]
GitUrl = Annotated[
    str,
    _refusing(_git_url_fault),
    form(_GIT_FORMS, "https://github.com/skycoin/skycoin.git", f"^({_GIT_URL.pattern})$"),
]
SecretName = Annotated[
    str,
    _refusing(_secret_name_fault),
    form("letters, digits, `_`, `.` and `-`", "GIT_AUTH_TOKEN", f"^{_SECRET_NAME.pattern}$"),
]
Pinned = Annotated[
    str,
    AfterValidator(_pinned),
    form(
        "REPOSITORY@sha256:… or REPOSITORY:TAG@sha256:…, with 64 hexadecimal digits",
        f"registry.example/base/debian@sha256:{'0' * 64}",
        r"@sha256:[0-9a-f]{64}$",
    ),
]
PythonVersion = Annotated[str, BeforeValidator(_python), _one_of(PYTHONS, "3.9")]
Recipient = Annotated[
    str,
    AfterValidator(_recipient),
    form(
        "a public key: age1…, ssh-ed25519 … or ssh-rsa …",
        "age1zvkyg2lqzraa2lnjvqej32nkuu0ues2s82hzrye869xeexvn73equnujwj",
        "^(age1|ssh-(ed25519|rsa) )",
    ),
]
"""Public key; the comment after an ssh key is dropped."""
LogSize = Annotated[
    str,
    _matching(_LOG_SIZE, "must be a number of MiB (m) or GiB (g), such as 5m or 1g"),
    form("a number of MiB (m) or GiB (g), such as 5m or 1g", "5m", f"^{_LOG_SIZE.pattern}$"),
]
Duration = Annotated[
    str,
    AfterValidator(_duration),
    form("a time from 1s to 1h, such as 90s, 3m or 2m30s", "2m30s", r"^(\d+h)?(\d+m)?(\d+s)?$"),
]
Port = Annotated[int, Field(ge=1024, le=65535, examples=[6430])]
UserId = Annotated[int, Field(ge=500, le=2**31 - 1, examples=[1001])]
"""ID of a user or group; most Debian packages use lower IDs."""
Memory = Annotated[int, Field(ge=64, examples=[512], json_schema_extra={"unit": "MiB"})]
HostName = Annotated[str, form("a name in skycoin:hosts", "attic")]
RegistryName = Annotated[str, form("a name in skycoin:registries", "hub")]
NodeImage = Annotated[str, form("an image that a node runs", "skycoin")]
NodeName = Annotated[str, form("a node's name", "attic")]
NodeUser = Annotated[
    str,
    _refusing(user_fault),
    form(
        f"UID:GID in quotes, neither of them 0, {EXPORTER_UID} or {PROXY_UID}",
        "12000:12000",
        f"^{USER_FORM.pattern}$",
    ),
]
StackName = Annotated[
    str,
    _matching(
        _STACK,
        "must be a stack's name, ORGANIZATION/PROJECT/STACK, such as organization/skycoin/release; each "
        "part has letters, digits, '_', '.' and '-'",
    ),
    form("another stack", "organization/skycoin/release", f"^{_STACK.pattern}$"),
]
Builder = Annotated[
    str,
    _matching(_BUILDER, "must be the name of a buildx instance, without blanks"),
    form("the name of a buildx instance", "skycoin", f"^{_BUILDER.pattern}$"),
]
File = Annotated[str, form("a file", "ca.crt")]
Folder = Annotated[str, form("a folder", "../skycoin")]
GoModule = Annotated[str, form("a Go module", "github.com/skycoin/skycoin")]
DebianPackage = Annotated[str, form("a Debian package", "nginx")]
Branch = Annotated[
    str,
    _matching(_BRANCH, "a branch has no blanks"),
    form("text without blanks", "master", f"^{_BRANCH.pattern}$"),
]
"""Branch; git allows no blanks in it, and Go's linker would read the words after a blank as its own flags."""
SshOption = Annotated[str, form("`-i FILE`, `-p PORT`, `-J HOST` or `-o SETTING=VALUE`", "-i")]
NodeFlag = Annotated[
    str, form("a flag that begins with `-`, or the value of the flag before it", "-log-level=debug")
]
ApiSet = Literal[
    "READ",
    "TXN",
    "STATUS",
    "NET_CTRL",
    "PROMETHEUS",
    "STORAGE",
    "WALLET",
    "INSECURE_WALLET_SEED",
]
