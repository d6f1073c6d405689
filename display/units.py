"""Short forms of times, sizes and counts."""

_MINUTE, _HOUR, _DAY = 60, 3600, 86400
_YEAR = 365 * _DAY


def since(seconds: float) -> str:
    """Duration in its largest whole unit: `3 d`; negative ones give `0 s`."""
    whole = max(0, int(seconds))
    # At least two of a unit, because `1 d` could mean nearly two days.
    for unit, length in (("y", _YEAR), ("d", _DAY), ("h", _HOUR), ("min", _MINUTE)):
        if whole >= 2 * length:
            return f"{whole // length} {unit}"
    return f"{whole} s"


def size(count: int) -> str:
    """Size in decimal units, as disks are sold: `12.3 GB`."""
    number = float(count)
    for unit in ("B", "kB", "MB", "GB"):
        if number < 1000:
            return f"{number:.0f} {unit}" if unit == "B" or number >= 100 else f"{number:.1f} {unit}"
        number /= 1000
    return f"{number:.1f} TB"


def duration(seconds: int) -> str:
    """Duration in whole seconds: `45 s`, `6 min`, `6 min 40 s`."""
    minutes, rest = divmod(seconds, _MINUTE)
    parts = [f"{minutes} min"] * bool(minutes) + [f"{rest} s"] * bool(rest or not minutes)
    return " ".join(parts)


def count_of(number: int, noun: str, plural: str = "") -> str:
    """Number and noun: `1 node`, `2 nodes`; `plural` is given unless it is the noun and an s."""
    return f"{number} {noun if number == 1 else plural or f'{noun}s'}"
