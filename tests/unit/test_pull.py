"""An image on a host: found by digest, pulled by name, or pulled through ssh from this machine's registry."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from docker.errors import APIError, ImageNotFound

from clients import pull
from clients.errors import RegistryError, ServiceError
from clients.pull import digest_names, ensure_image, expected_name, is_same, known_as
from providers.kind import UNKNOWN, Values
from providers.skycoin.pulled_image import PulledImage

DIGEST = f"sha256:{'a' * 64}"
OTHER = f"sha256:{'b' * 64}"
LOCAL = f"registry.localhost:5443/skycoin/skycoin@{DIGEST}"
FORWARDED = f"127.0.0.1:5443/skycoin/skycoin@{DIGEST}"
PUBLIC = f"ghcr.io/skycoin/skycoin@{DIGEST}"
BOARD: Values = {"host": "attic", "engine": "ssh://pi@attic.lan", "sshOptions": ["-p", "2222"]}
HERE: Values = {"host": "here", "engine": None, "sshOptions": []}


@dataclass
class Images:
    """The part of a docker client that a pull uses."""

    there: list[str] = field(default_factory=list)
    asked: list[tuple[str, Any]] = field(default_factory=list)
    lines: Sequence[Mapping[str, Any]] = ()

    @property
    def api(self) -> "Images":
        return self

    def images(self) -> list[Values]:
        return [{"RepoDigests": None}, {"RepoDigests": list(self.there)}]

    def inspect_image(self, image: str) -> Values:
        if image not in self.there:
            raise ImageNotFound(image)
        return {"Id": image}

    def pull(self, image: str, auth_config: Any, **_: Any) -> Iterator[Mapping[str, Any]]:
        self.asked.append((image, auth_config))
        if not any("error" in line for line in self.lines):
            self.there.append(image)
        return iter(self.lines)


@pytest.fixture(autouse=True)
def ways(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Any, ...]]:
    """Ports that were forwarded; 5443 is free on the board."""
    monkeypatch.delenv("DOCKER_HOST", raising=False)
    opened: list[tuple[Any, ...]] = []

    @contextmanager
    def forwarded(url: str, options: Sequence[str], target: str, port: int) -> Iterator[int]:
        opened.append((url, tuple(options), target, port))
        yield port

    monkeypatch.setattr(pull, "forwarded", forwarded)
    monkeypatch.setattr(pull, "login_of", lambda host: ("me", f"of {host}"))
    return opened


def test_an_image_of_the_local_registry_is_pulled_by_a_board_through_ssh(ways: list[Any]) -> None:
    images = Images()
    assert ensure_image(images, LOCAL, BOARD) == FORWARDED
    assert ways == [("ssh://pi@attic.lan", ("-p", "2222"), "127.0.0.1", 5443)]
    login = {"username": "me", "password": "of registry.localhost:5443"}
    assert images.asked == [(FORWARDED, login)], "the login goes along, and nothing is kept on the board"


def test_another_registry_is_asked_by_the_board_itself(ways: list[Any]) -> None:
    images = Images()
    assert ensure_image(images, PUBLIC, BOARD) == PUBLIC
    assert (ways, [name for name, _ in images.asked]) == ([], [PUBLIC])


def test_the_machines_own_engine_asks_the_local_registry_by_itself(ways: list[Any]) -> None:
    images = Images()
    assert ensure_image(images, LOCAL, HERE) == LOCAL
    assert (ways, [name for name, _ in images.asked]) == ([], [LOCAL])


def test_an_engine_of_the_environment_behind_ssh_is_a_board_too(
    ways: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before, `engine: local` with such a DOCKER_HOST looked for the registry on the board's own loopback."""
    monkeypatch.setenv("DOCKER_HOST", "ssh://pi@attic.lan")
    assert ensure_image(Images(), LOCAL, HERE) == FORWARDED
    assert ways == [("ssh://pi@attic.lan", (), "127.0.0.1", 5443)]


@pytest.mark.parametrize("known", [LOCAL, FORWARDED, PUBLIC])
def test_an_image_that_the_host_has_under_any_name_of_its_digest_is_not_pulled(
    known: str, ways: list[Any]
) -> None:
    images = Images(there=[f"other/image@{OTHER}", known])
    assert ensure_image(images, LOCAL, BOARD) == known
    assert (ways, images.asked) == ([], [])


def test_pull_from_pulls_the_same_digest_from_another_repository() -> None:
    images, place = Images(), {**BOARD, "pullFrom": "registry.attic.lan:5000/sky/skycoin"}
    assert ensure_image(images, LOCAL, place) == f"registry.attic.lan:5000/sky/skycoin@{DIGEST}"


def test_a_login_by_identity_token_is_left_to_docker_py(monkeypatch: pytest.MonkeyPatch) -> None:
    """Azure, for example, uses such tokens. A pull used to be refused for want of a password."""

    def refused(_: str) -> None:
        raise RegistryError("the docker config has an identity token, which is not supported")

    monkeypatch.setattr(pull, "login_of", refused)
    images = Images()
    assert ensure_image(images, PUBLIC, BOARD) == PUBLIC
    assert images.asked == [(PUBLIC, None)], "None: docker-py looks into the docker config"


def test_the_progress_of_a_pull_is_the_sum_of_its_layers() -> None:
    def downloading(layer: str, current: int) -> Values:
        detail = {"current": current, "total": 10_000_000}
        return {"id": layer, "status": "Downloading", "progressDetail": detail}

    said: list[str] = []
    images = Images(lines=[{"status": "Pulling"}, downloading("a", 5_000_000), downloading("b", 7_000_000)])
    ensure_image(images, LOCAL, HERE, said.append)
    assert said == ["pulls the image: 5 of 10 MB", "pulls the image: 12 of 20 MB"]


@pytest.mark.parametrize(
    "line",
    [
        {"id": "b", "progressDetail": "much"},
        {"id": "b", "progressDetail": {"current": "1", "total": 2}},
        {"id": "b", "progressDetail": {"current": 1, "total": -2}},
        {"id": "b", "progressDetail": {"current": 1, "total": float("inf")}},
        {"id": ["b"], "progressDetail": {"current": 1, "total": 2}},
        {"progressDetail": {"current": 1, "total": 2}},
        {"id": "b"},
    ],
)
def test_progress_in_another_form_is_not_shown_and_ends_no_pull(line: Values) -> None:
    said: list[str] = []
    detail = {"current": 5_000_000, "total": 10_000_000}
    good = {"id": "a", "status": "Downloading", "progressDetail": detail}
    images = Images(lines=[{"status": "Downloading", **line}, good])
    assert ensure_image(images, LOCAL, HERE, said.append) == LOCAL
    assert said == ["pulls the image: 5 of 10 MB"]


def test_a_host_that_names_layers_without_end_fills_no_memory() -> None:
    said: list[str] = []
    detail = {"current": 1_000_000, "total": 1_000_000}
    lines = [{"id": str(at), "status": "Downloading", "progressDetail": detail} for at in range(1000)]
    ensure_image(Images(lines=lines), LOCAL, HERE, said.append)
    assert said[-1] == f"pulls the image: {pull.MOST_LAYERS} of {pull.MOST_LAYERS} MB"
    assert len(said) == pull.MOST_LAYERS


def test_the_error_of_a_pull_is_one_line_of_a_limited_length() -> None:
    refused = [{"error": "no\x1b[2J space\n" + "left " * 10_000}]
    with pytest.raises(ServiceError) as raised:
        ensure_image(Images(lines=refused), LOCAL, BOARD)
    assert "through ssh: no?[2J space left" in str(raised.value)
    assert str(raised.value).isprintable()
    assert len(str(raised.value)) < 1000


def test_a_refused_pull_names_host_way_and_remedy() -> None:
    refused = [{"status": "Pulling"}, {"error": "manifest unknown"}]
    with pytest.raises(ServiceError) as direct:
        ensure_image(Images(lines=refused), PUBLIC, BOARD)
    assert str(direct.value) == (
        f"host attic can't pull {PUBLIC}: manifest unknown. It pulls by itself: it must reach ghcr.io, or "
        "`pull-from` must name a registry that it reaches"
    )
    with pytest.raises(ServiceError) as through:
        ensure_image(Images(lines=refused), LOCAL, BOARD)
    assert str(through.value) == f"host attic can't pull {LOCAL} through ssh: manifest unknown"


def refusing(said: str) -> Images:
    """An engine that refuses before it prints anything, as it does if it can't reach the registry."""

    def refused(image: str, **_: Any) -> Iterator[Mapping[str, Any]]:
        raise APIError("500", explanation=said)

    images = Images()
    images.pull = refused  # type: ignore[method-assign, assignment]
    return images


def test_a_registry_that_a_board_does_not_reach_names_the_remedy() -> None:
    said = 'Get "https://ghcr.io/v2/": dial tcp 203.0.113.9:443: connect: connection refused'
    with pytest.raises(
        ServiceError, match=r"connection refused\. It pulls by itself: it must reach ghcr\.io"
    ):
        ensure_image(refusing(said), PUBLIC, BOARD)


@pytest.mark.parametrize(
    "expected",
    [
        f'Get "https://127.0.0.1:5443/v2/skycoin/skycoin/manifests/{DIGEST}": no basic auth credentials',
        "pull access denied, repository does not exist or may require authorization: authorization failed: "
        "no basic auth credentials",
        "errors:\ndenied: requested access to the resource is denied\nunauthorized: login required\n",
    ],
)
def test_a_login_that_is_missing_is_reported(expected: str) -> None:
    hint = r"Log in with an account that may read it: `docker login registry\.localhost:5443`"
    with pytest.raises(ServiceError, match=hint):
        ensure_image(refusing(expected), LOCAL, BOARD)


def test_a_link_that_drops_in_a_layer_is_reported() -> None:
    def dropped(image: str, **_: Any) -> Iterator[Mapping[str, Any]]:
        yield {"status": "Pulling"}
        raise ConnectionResetError(104, "Connection reset by peer")

    images = Images()
    images.pull = dropped  # type: ignore[method-assign, assignment]
    with pytest.raises(ServiceError, match=r"^host attic, registry\.localhost.*Connection reset by peer"):
        ensure_image(images, LOCAL, BOARD)


def test_a_pull_after_one_that_was_cut_off_is_tried_until_the_engine_has_given_that_one_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Engine 20.10 attached the new pull to the downloads of the dead one, whose port was closed by then."""
    paused: list[float] = []
    monkeypatch.setattr("clients.pull.time.sleep", paused.append)
    closed = {"error": "dial tcp 127.0.0.1:43853: connect: connection refused"}
    left: list[list[Values]] = [[closed], [{"status": "Pulling"}, closed], []]
    images = Images()

    def once(image: str, **_: Any) -> Iterator[Mapping[str, Any]]:
        lines = left.pop(0)
        if not lines:
            images.there.append(image)
        return iter(lines)

    images.pull = once  # type: ignore[method-assign, assignment]
    assert ensure_image(images, LOCAL, BOARD) == FORWARDED
    assert (left, len(paused)) == ([], 2)
    left[:] = [[closed]] * 9
    images.there.clear()
    with pytest.raises(ServiceError, match="through ssh: dial tcp"):
        ensure_image(images, LOCAL, BOARD)
    assert len(left) == 9 - pull.TRIES


def test_an_image_is_recognized_only_by_its_digest() -> None:
    assert is_same(LOCAL, FORWARDED)
    assert not is_same(LOCAL, LOCAL.replace(DIGEST, OTHER))
    assert is_same("busybox:1", "busybox:1")
    assert not is_same("busybox:1", "busybox:2")
    assert known_as(Images(there=[LOCAL]), "busybox:1") is None


def test_an_image_that_containerds_store_lists_by_a_digest_among_the_tags_is_known() -> None:
    assert digest_names({"RepoDigests": ["kept@sha256:1"], "RepoTags": [LOCAL, "kept:by-me"]}) == (
        "kept@sha256:1",
        LOCAL,
    )
    assert digest_names({"RepoDigests": None, "RepoTags": None}) == ()


@pytest.mark.parametrize(
    ("image", "place", "name"),
    [
        (LOCAL, BOARD, FORWARDED),
        (LOCAL, HERE, LOCAL),
        (PUBLIC, BOARD, PUBLIC),
        (f"localhost:5000/a/b@{DIGEST}", BOARD, f"127.0.0.1:5000/a/b@{DIGEST}"),
        (LOCAL, {**BOARD, "pullFrom": "ghcr.io/sky/coin"}, f"ghcr.io/sky/coin@{DIGEST}"),
    ],
)
def test_a_preview_knows_the_name_before_the_pull(image: str, place: Values, name: str) -> None:
    assert expected_name(image, place) == name
    assert pulled(Images()).planned({**place, "image": image}, None)["ref"] == name


def pulled(images: Images) -> PulledImage:
    return PulledImage(lambda _: None, lambda _: images)


def test_an_image_that_is_not_built_yet_has_no_name_yet() -> None:
    assert pulled(Images()).planned({**BOARD, "image": UNKNOWN}, None)["ref"] == UNKNOWN


def test_another_way_to_the_same_digest_pulls_nothing_and_keeps_the_name() -> None:
    """A change of `pull-from` replaces nothing."""
    images = Images()
    _, state = pulled(images).create({**BOARD, "image": LOCAL})
    news = {**BOARD, "image": PUBLIC, "pullFrom": "registry.attic.lan:5000/sky/skycoin"}
    assert pulled(images).diff(state, {**BOARD, "image": LOCAL}, news).updates == ("image", "pullFrom")
    assert pulled(images).planned(news, state)["ref"] == FORWARDED
    assert pulled(images).update("id", state, news)["ref"] == FORWARDED
    assert len(images.asked) == 1


def test_an_image_that_was_removed_by_hand_is_pulled_again() -> None:
    images = Images()
    identity, state = pulled(images).create({**BOARD, "image": LOCAL})
    inputs = {**BOARD, "image": LOCAL}
    found = pulled(images).read(identity, inputs, state)
    assert found is not None
    assert found.state["ref"] == FORWARDED
    images.there.clear()
    assert pulled(images).read(identity, inputs, state) is None


def test_a_state_of_dockers_remote_image_keeps_its_name() -> None:
    """Version 0.1.0 used RemoteImage. The container that runs the image stays as it is, behind ssh too."""
    olds = {"name": LOCAL, "keepLocally": True, "repoDigest": LOCAL}
    news = {**BOARD, "image": LOCAL}
    assert pulled(Images()).planned(news, olds)["ref"] == LOCAL
    assert pulled(Images(there=[LOCAL])).update("id", olds, news)["ref"] == LOCAL


def test_another_engine_is_asked_again() -> None:
    images = Images()
    _, state = pulled(images).create({**HERE, "image": LOCAL})
    assert pulled(images).planned({**BOARD, "image": LOCAL}, state)["ref"] == FORWARDED


def test_a_host_of_this_machine_has_no_engine_in_its_state() -> None:
    """Pulumi drops None from a state; so the preview used to keep a name that the new engine can't know."""
    state = {"host": "here", "sshOptions": [], "image": LOCAL, "ref": LOCAL}
    assert pulled(Images()).planned({**BOARD, "image": LOCAL}, state)["ref"] == FORWARDED


def test_another_ssh_user_is_not_another_engine() -> None:
    """Before, if the image's name had another port, the preview replaced everything that runs it."""
    ref = FORWARDED.replace("5443", "40431")
    state = {**BOARD, "image": LOCAL, "ref": ref}
    news = {**BOARD, "engine": "ssh://root@attic.lan:22", "image": LOCAL}
    assert pulled(Images()).planned(news, state)["ref"] == ref


def test_an_existing_image_keeps_its_name_while_its_next_registry_is_unknown() -> None:
    state = {**BOARD, "image": LOCAL, "ref": FORWARDED}
    news = {**BOARD, "image": LOCAL, "pullFrom": UNKNOWN}
    assert pulled(Images()).planned(news, state)["ref"] == FORWARDED


def test_deleting_a_pulled_image_leaves_it_on_the_host() -> None:
    images = Images(there=[LOCAL])
    pulled(images).delete("id", {"ref": LOCAL})
    assert images.there == [LOCAL]


def test_an_unknown_input_is_refused() -> None:
    assert pulled(Images()).check("x", {}, {**BOARD, "image": LOCAL, "tag": "x"}).failures == [
        ("tag", "no such input")
    ]
