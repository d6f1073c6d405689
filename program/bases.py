"""Base images of a stack's images: official ones by digest, or images that the stack builds itself.

busybox is built with `bases: debian`. glibc is always built, because no digest of
an official image without a package manager is known (ADR 0009).
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
    # The entry point of every image in the catalogue is a script.
    Base.GLIBC: {"SHELL": "true"},
}


class BaseImages:
    """Base images of a stack, for the architectures that its images need."""

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
        """Human-readable name of an image's base."""
        return f"{image.base} ({Bases.DEBIAN if image.base in self._built else Bases.OFFICIAL})"

    @property
    def build_base(self) -> str:
        """Image of the build stages, for the platform of the builder."""
        return self._settings.build_base or OFFICIAL_BUILD_BASE

    @property
    def secrets(self) -> dict[str, pulumi.Input[str]]:
        """Build secrets of all images: the machine's certificate authorities, to reach package registries."""
        certificates = authorities(self._settings)
        return {} if certificates is None else {"build-ca": certificates}

    def _build(self, base: Base, arches: Sequence[str]) -> Image:
        """Build a base image from Debian packages, in the registry where the first image is built."""
        registry = self._registries[str(base_registry(self._settings))]
        return Image(
            base,
            ImageArgs(
                arches=in_table_order(set(arches)),
                # Another stack with the same registry may need other architectures, and would move the tag.
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
    """Read the machine's own certificate authorities (PEM); None if the stack names none."""
    return None if settings.build_ca is None else (PROJECT / settings.build_ca).read_text()
