"""Inputs and outputs of docker's Network, RemoteImage and Volume."""

from types import MappingProxyType

from providers.container.schema import FLAG, LABELS, MAP, OBJECT, SET, TEXT, Schema, of

NETWORK: Schema = MappingProxyType(
    {
        "name": of(TEXT, required=True, replaces=True),
        "labels": of(LABELS, replaces=True),
        "driver": of(TEXT, replaces=True, computed=True),
        "options": of(MAP, replaces=True, computed=True),
        "internal": of(FLAG, replaces=True, computed=True),
        "attachable": of(FLAG, replaces=True),
        "ingress": of(FLAG, replaces=True, supported=False),
        "ipv6": of(FLAG, replaces=True, supported=False),
        "ipamDriver": of(TEXT, replaces=True, default="default"),
        "ipamOptions": of(MAP, replaces=True, supported=False),
        "ipamConfigs": of(
            SET,
            replaces=True,
            computed=True,
            parts={"subnet": TEXT, "ipRange": TEXT, "gateway": TEXT, "auxAddress": MAP},
        ),
        "id": of(TEXT, computed=True, settable=False),
        "scope": of(TEXT, computed=True, settable=False),
    }
)

REMOTE_IMAGE: Schema = MappingProxyType(
    {
        "name": of(TEXT, required=True, replaces=True),
        "keepLocally": FLAG,
        "forceRemove": FLAG,
        "platform": of(TEXT, replaces=True),
        "pullTriggers": of(SET, replaces=True),
        "triggers": of(MAP, replaces=True),
        "build": of(OBJECT, supported=False),
        "id": of(TEXT, computed=True, settable=False),
        "imageId": of(TEXT, computed=True, settable=False),
        "repoDigest": of(TEXT, computed=True, settable=False),
    }
)

VOLUME: Schema = MappingProxyType(
    {
        "name": of(TEXT, required=True, replaces=True, computed=True),
        "labels": of(LABELS, replaces=True),
        "driver": of(TEXT, replaces=True, computed=True),
        "driverOpts": of(MAP, replaces=True),
        "cluster": of(OBJECT, supported=False),
        "id": of(TEXT, computed=True, settable=False),
        "mountpoint": of(TEXT, computed=True, settable=False),
    }
)
