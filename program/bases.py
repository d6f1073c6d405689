"""The bases under a stack's images: official ones by digest, or images that the stack builds itself.

busybox is built where no registry of official images is reached. glibc always is: no official image
without a package manager is known by its digest (ADR 0009).
"""

from collections.abc import Mapping, Sequence

import pulumi

from catalogue.arch import in_table_order
from catalogue.bases import OFFICIAL_BUILD_BASE, Base, Bases, official_busybox
from catalogue.images import GO_MODULE, PROJECT
from components.image import Image, ImageArgs
from components.registry import Registry
from settings.image import ImageSettings
from settings.names import BASE_TAG, base_registry, base_repository, built_bases
from settings.stack import StackSettings

_BUILD_ARGS: Mapping[Base, Mapping[str, str]] = {
    Base.BUSYBOX: {},
    # Every image of the catalogue has an entry point that is a script.
    Base.GLIBC: {"SHELL": "true"},
}


class BaseImages:
    """Every base of the stack's images, in the architectures that they need."""

    def __init__(
        self,
        settings: StackSettings,
        registries: Mapping[str, Registry],
        opts: pulumi.ResourceOptions | None,
    ) -> None:
        self._settings = settings
        self._registries = registries
        self._opts = opts
        self._built = {base: self._build(base, arches) for base, arches in built_bases(settings).items()}

    def ref(self, image: ImageSettings, arch_name: str) -> pulumi.Input[str]:
        """Reference of an image's base for one architecture, by digest."""
        if image.base not in self._built:
            return official_busybox(arch_name)
        return self._built[image.base].variants[arch_name].ref

    def label(self, image: ImageSettings) -> str:
        """Name of an image's base for people."""
        return f"{image.base} ({Bases.DEBIAN if image.base in self._built else Bases.OFFICIAL})"

    @property
    def build_base(self) -> str:
        """Image of the build stages, for the machine that builds."""
        return self._settings.build_base or OFFICIAL_BUILD_BASE

    @property
    def secrets(self) -> dict[str, pulumi.Input[str]]:
        """The machine's own certificate authorities, for build steps that reach package registries."""
        found = authorities(self._settings)
        return {} if found is None else {"build-ca": found}

    def _build(self, base: Base, arches: Sequence[str]) -> Image:
        """A base from Debian's packages, in the registry where the first image is built."""
        registry = self._registries[str(base_registry(self._settings))]
        return Image(
            base,
            ImageArgs(
                arches=in_table_order(set(arches)),
                # Another stack in the same registry may need other architectures, and would move the tag.
                tags=[f"{BASE_TAG}-{pulumi.get_stack()}"],
                context=f"./images/{base}",
                dockerfile=f"./images/{base}/Dockerfile",
                repositories=[registry.repository(base_repository(base))],
                bases=dict.fromkeys(arches, "scratch"),
                build_base=self.build_base,
                build_args={**_BUILD_ARGS[base], "SOURCE_DATE_EPOCH": "0"},
                sources={"go-module": GO_MODULE},
                secrets=self.secrets,
                builder=self._settings.builder,
            ),
            self._opts,
        )


def authorities(settings: StackSettings) -> str | None:
    """The machine's own certificate authorities (PEM), or None where the stack names none."""
    return None if settings.build_ca is None else (PROJECT / settings.build_ca).read_text()
