"""Inputs and outputs of docker:index/container:Container, grouped by purpose."""

from types import MappingProxyType

from providers.container.schema import (
    FLAG,
    LABELS,
    LIST,
    MAP,
    NUMBER,
    OBJECT,
    SET,
    TEXT,
    Field,
    Schema,
    at_least,
    duration,
    matching,
    of,
)

_COUNT = of(NUMBER, rule=at_least(0))
_DURATION = of(TEXT, default="0s", rule=duration)
_THROTTLED = of(
    SET, supported=False, parts={"path": of(TEXT, required=True), "rate": of(_COUNT, required=True)}
)


def _replacing(base: Field) -> Field:
    return of(base, replaces=True)


def _from_image(base: Field) -> Field:
    return of(base, replaces=True, computed=True)


def _unsupported(base: Field) -> Field:
    return of(base, replaces=True, supported=False)


def _output(base: Field) -> Field:
    return of(base, computed=True, settable=False)


_CREATED: Schema = {
    "name": of(TEXT, required=True, replaces=True),
    "image": of(TEXT, required=True, replaces=True),
    "command": _from_image(LIST),
    "entrypoints": _from_image(LIST),
    "envs": _from_image(SET),
    "labels": _from_image(LABELS),
    "user": of(TEXT, replaces=True, empty_changes=False),
    "workingDir": of(TEXT, replaces=True, empty_changes=False),
    "hostname": _from_image(TEXT),
    "readOnly": of(FLAG, replaces=True, default=False),
    "privileged": _replacing(FLAG),
    "capabilities": of(OBJECT, replaces=True, parts={"adds": SET, "drops": SET}),
    "securityOpts": _from_image(SET),
    "mounts": of(
        SET,
        replaces=True,
        parts={
            "target": of(TEXT, required=True),
            "source": TEXT,
            "type": of(TEXT, required=True, rule=matching("^(bind|volume|tmpfs)$")),
            "readOnly": FLAG,
            "bindOptions": of(OBJECT, supported=False),
            "volumeOptions": of(OBJECT, supported=False),
            "tmpfsOptions": of(OBJECT, supported=False),
        },
    ),
    "ports": of(
        LIST,
        replaces=True,
        ordered=False,
        parts={
            "internal": of(NUMBER, required=True),
            "external": of(NUMBER, computed=True),
            "ip": of(TEXT, default="0.0.0.0", empty_changes=False),
            "protocol": of(TEXT, default="tcp"),
        },
    ),
    "hosts": of(SET, replaces=True, parts={"host": of(TEXT, required=True), "ip": of(TEXT, required=True)}),
    "networkMode": of(TEXT, replaces=True, default="bridge"),
    "logDriver": _from_image(TEXT),
    "logOpts": _replacing(MAP),
    "stopSignal": _from_image(TEXT),
    "stopTimeout": _from_image(NUMBER),
    "ulimits": of(
        SET,
        replaces=True,
        parts={
            "name": of(TEXT, required=True),
            "soft": of(NUMBER, required=True),
            "hard": of(NUMBER, required=True),
        },
    ),
    "shmSize": _from_image(_COUNT),
    "groupAdds": _replacing(SET),
    "sysctls": _replacing(MAP),
    "tty": of(FLAG, replaces=True, default=False),
    "stdinOpen": of(FLAG, replaces=True, default=False),
}
"""Inputs that are fixed at creation: a change replaces the container."""

_WRITTEN_DOWN: Schema = {
    "healthcheck": of(
        OBJECT,
        computed=True,
        parts={
            "tests": LIST,
            "interval": _DURATION,
            "timeout": _DURATION,
            "startPeriod": _DURATION,
            "startInterval": _DURATION,
            "retries": of(_COUNT, default=0),
        },
    ),
    "init": of(FLAG, computed=True),
    "tmpfs": MAP,
}
"""Inputs that are fixed at creation, but a change is only written to the state.

A program that wants a change applied lists the input in `replace_on_changes`.
"""

LIMITS: Schema = {
    "restart": of(TEXT, default="no", rule=matching("^(no|on-failure|always|unless-stopped)$")),
    "maxRetryCount": NUMBER,
    "memory": _COUNT,
    "memoryReservation": of(_COUNT, default=0),
    "memorySwap": of(NUMBER, rule=at_least(-1)),
    "cpuShares": _COUNT,
    "cpuSet": of(TEXT, rule=matching(r"^\d+([,-]\d+)*$")),
}
"""Inputs that are changed in the running container; memory is in MiB."""

_HANDLING: Schema = {
    "start": of(FLAG, default=True),
    "mustRun": of(FLAG, default=True),
    "wait": of(FLAG, default=False),
    "waitTimeout": of(NUMBER, default=60),
    "destroyGraceSeconds": NUMBER,
    "removeVolumes": of(FLAG, default=True),
    "attach": of(FLAG, default=False, supported=False),
    "logs": of(FLAG, default=False, supported=False),
    "rm": of(FLAG, default=False),
    "containerReadRefreshTimeoutMilliseconds": of(NUMBER, default=15000),
}
"""Inputs that control how the plugin handles the resource."""

_UNSUPPORTED: Schema = {
    "cgroupParent": _unsupported(TEXT),
    "cgroupnsMode": _unsupported(TEXT),
    "cpuPeriod": of(_COUNT, supported=False),
    "cpuQuota": of(_COUNT, supported=False),
    "cpus": _unsupported(TEXT),
    "deviceReadBps": _THROTTLED,
    "deviceReadIops": _THROTTLED,
    "deviceRequests": _unsupported(of(SET, parts={"driver": TEXT})),
    "deviceWriteBps": _THROTTLED,
    "deviceWriteIops": _THROTTLED,
    "devices": _unsupported(of(SET, parts={"hostPath": of(TEXT, required=True)})),
    "dns": _unsupported(SET),
    "dnsOpts": _unsupported(SET),
    "dnsSearches": _unsupported(SET),
    "domainname": _unsupported(TEXT),
    "gpus": _unsupported(TEXT),
    "ipcMode": of(TEXT, replaces=True, supported=False, computed=True),
    "networksAdvanced": _unsupported(of(SET, parts={"name": of(TEXT, required=True)})),
    "pidMode": _unsupported(TEXT),
    "platform": of(TEXT, replaces=True, supported=False, computed=True),
    "publishAllPorts": _unsupported(FLAG),
    "runtime": of(TEXT, replaces=True, supported=False, computed=True),
    "storageOpts": _unsupported(MAP),
    "uploads": _unsupported(of(SET, parts={"file": of(TEXT, required=True)})),
    "usernsMode": _unsupported(TEXT),
    "volumes": _unsupported(of(SET, parts={"containerPath": TEXT})),
}

_OUTPUTS: Schema = {
    "id": _output(TEXT),
    "bridge": _output(TEXT),
    "containerLogs": _output(TEXT),
    "exitCode": _output(NUMBER),
    "networkDatas": _output(of(LIST, parts={"networkName": TEXT})),
}

CONTAINER: Schema = MappingProxyType(
    {**_CREATED, **_WRITTEN_DOWN, **LIMITS, **_HANDLING, **_UNSUPPORTED, **_OUTPUTS}
)
