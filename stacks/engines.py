"""Which engine a host is: two hosts may be one."""

from stacks.settings import StackSettings


def engine_of(settings: StackSettings, name: str) -> str:
    """Two hosts may be one engine: an emulated variant beside the native one, or another user's ssh."""
    host = settings.hosts.get(name)
    if host is None:
        return name
    if host.engine in ("unix:///var/run/docker.sock", "unix:///run/docker.sock"):
        return "local"
    return host.engine.rpartition("@")[2].removesuffix(":22")
