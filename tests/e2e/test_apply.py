"""`skyinfra apply` over Pulumi's real engine; its plugin creates nothing and records requested changes.

The program is the test's own. It reads environment variables, which are in no file, so that each part of a
review can differ alone.
"""

import hashlib
import json
import shutil
import subprocess
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from catalogue.exit_codes import FAILED, OTHER, USAGE
from local.pulumi.plugins import PLUGINS
from review.approval import LENGTH, Part
from review.approval_words import WORDS
from tests.e2e import echo
from tests.e2e.machine import copy_checkout
from tests.e2e.upgrades import make_pulumi, run_in

PROGRAM = f'''\
"""A wallet, and a node that waits for it."""

import os
from pathlib import Path

import pulumi

here = pulumi.ProviderResource("docker", "here", {{}}, pulumi.ResourceOptions(version="{PLUGINS["docker"]}"))
hook = pulumi.ResourceHook("guard", lambda _: None)
hooks = None if os.environ.get("HOOK") == "no" else pulumi.ResourceHookBinding(before_create=[hook])
runs = Path(os.environ["ECHO_FOLDER"]) / "runs"
runs.write_text(runs.read_text() + "." if runs.exists() else ".")
late = "late" if len(runs.read_text()) >= int(os.environ.get("LATE", "1000")) else ""
if len(runs.read_text()) >= int(os.environ.get("TOUCH", "1000")):
    Path("images/late").write_text("somebody's\\n")
config = pulumi.Config()
wallet = pulumi.CustomResource(
    "docker:index/volume:Volume",
    "wallet",
    {{"name": "wallet"}},
    pulumi.ResourceOptions(
        provider=here,
        protect=os.environ.get("PROTECT") != "no",
        retain_on_delete=os.environ.get("RETAIN") != "no",
        hooks=hooks,
    ),
)
pulumi.CustomResource(
    "docker:index/container:Container",
    "node",
    {{
        "name": "node",
        "image": config.require("image") + late,
        "token": config.require_secret("token"),
        "other": pulumi.Output.secret(os.environ.get("OTHER", "")),
    }},
    pulumi.ResourceOptions(provider=here, depends_on=[wallet] if os.environ.get("ORDER") != "no" else []),
)
'''
AUTHOR = ("-c", "user.name=tests", "-c", "user.email=tests@localhost")


@dataclass(frozen=True, slots=True)
class Stack:
    """A stack of the test's program, and its checkout."""

    folder: Path
    env: Mapping[str, str]

    @property
    def checkout(self) -> Path:
        return self.folder / "checkout"

    @property
    def file(self) -> Path:
        return self.checkout / "stacks" / "Pulumi.mine.yaml"

    @property
    def details(self) -> Path:
        return self.folder / "details.json"

    @property
    def changed(self) -> list[str]:
        """Changes that were requested from the plugin."""
        file = self.folder / echo.CHANGES
        return file.read_text().splitlines() if file.exists() else []

    def run(self, *command: str, **env: str) -> subprocess.CompletedProcess[str]:
        return run_in(self.folder, {**self.env, **env}, *command)

    def git(self, *arguments: str) -> str:
        done = self.run("git", *AUTHOR, *arguments)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def pulumi(self, *arguments: str) -> str:
        done = self.run("pulumi", *arguments, "--stack", "mine", "--non-interactive")
        assert done.returncode == 0, done.stderr + done.stdout
        return done.stdout

    def commit(self, file: str, text: str) -> None:
        """Write a new text into a file, and commit it."""
        (self.checkout / file).write_text(text)
        self.git("add", "-A")
        self.git("commit", "-q", "-m", f"Change {file}")

    def image(self, name: str) -> None:
        """Give the node another image in the stack's file, and commit that."""
        text = self.file.read_text()
        before = next(line for line in text.splitlines() if "skycoin:image" in line)
        self.commit("stacks/Pulumi.mine.yaml", text.replace(before, f"  skycoin:image: {name}"))

    def review(self, *options: str, **env: str) -> str:
        """Make a page; return its hash, or the last line that a page without a hash has instead."""
        command = ("./skyinfra", "review", "--backend", "pulumi", "-s", "mine", *options)
        done = self.run(*command, **env)
        assert done.returncode in (0, 5), done.stderr + done.stdout
        return done.stdout.rpartition("Review: ")[2].partition("\n")[0].strip("`")

    def apply(self, token: str, *options: str, **env: str) -> subprocess.CompletedProcess[str]:
        command = ("./skyinfra", "apply", "--backend", "pulumi", "-s", "mine", "--review", token)
        return self.run(*command, *options, **env)

    @property
    def state_file(self) -> Path:
        return self.folder / "backend" / ".pulumi" / "stacks" / "skycoin" / "mine.json"

    def edit_state(self, change: Callable[[Any], None]) -> None:
        """Edit the node's resource in the state file; an import would encrypt all secrets again."""
        state = json.loads(self.state_file.read_text())
        resources = state["checkpoint"]["latest"]["resources"]
        [node] = [resource for resource in resources if resource["urn"].endswith("::node")]
        change(node)
        self.state_file.write_text(json.dumps(state))


def made_stack(folder: Path, **backend: str) -> Stack:
    """Stack with its first version up, and a new image that is committed, but not deployed yet."""
    env = make_pulumi(folder / "pulumi", {f"docker-v{PLUGINS['docker']}": "tests.e2e.echo"})
    copy_checkout(folder / "checkout")
    (folder / "backend").mkdir()
    passphrase = Path(env["PULUMI_CONFIG_PASSPHRASE_FILE"]).read_text()
    stack = Stack(
        folder,
        {
            **env,
            "PULUMI_CONFIG_PASSPHRASE": passphrase,
            "ECHO_FOLDER": str(folder),
            "SKYCOIN_STATE": "/nowhere",
            "XDG_CACHE_HOME": str(folder / "cache"),
            "PULUMI_BACKEND_URL": f"file://{folder / 'backend'}",
            **backend,
        },
    )
    (stack.checkout / "__main__.py").write_text(PROGRAM)
    stack.file.write_text("config:\n  skycoin:image: one\n")
    stack.pulumi("stack", "init")
    stack.pulumi("config", "set", "--secret", "token", "first")
    stack.git("add", "-A")
    stack.git("commit", "-q", "-m", "A program")
    stack.pulumi("up", "--yes", "--skip-preview")
    (folder / echo.CHANGES).unlink()
    stack.image("two")
    return stack


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Stack:
    """The stack that all tests share."""
    return made_stack(tmp_path_factory.mktemp("apply"))


@pytest.fixture(scope="module")
def token(made: Stack) -> str:
    """Hash of the review of a new image that is not deployed yet."""
    return made.review("--details", str(made.details))


@pytest.fixture
def stack(made: Stack, token: str) -> Iterator[Stack]:
    """The stack as it was reviewed; restored after each test."""
    kept = made.folder.with_name("kept")
    for name in ("checkout", "backend"):
        shutil.copytree(made.folder / name, kept / name, symlinks=True)
    yield made
    for name in (echo.CHANGES, echo.WORLD):
        (made.folder / name).unlink(missing_ok=True)
    for name in ("checkout", "backend"):
        shutil.rmtree(made.folder / name)
        (kept / name).rename(made.folder / name)


def test_an_approved_update_is_applied_once(stack: Stack, token: str) -> None:
    done = stack.apply(token)
    assert done.returncode == 0, done.stderr + done.stdout
    assert stack.changed == ["update node"]
    again = stack.apply(token)
    assert again.returncode == OTHER, again.stderr
    assert "error: This review was applied already, on 20" in again.stderr
    assert "- the state\n" in again.stderr
    assert stack.changed == ["update node"]


PACK = ("--policy-pack", "review/policy-pack", "--stack", "mine", "--non-interactive")
OWN_RULES = """
from review.rules import Rule, each

def ours(one):
    return "is not ours" if one.inputs.get("name") == "wallet" else ""

OWN_RULES = [Rule(name="ours", breaches=each(ours), reason="It is so.", remedy="Change it.")]
"""


def test_rules_as_a_policy_pack_stop_an_update_before_anything_is_changed(stack: Stack) -> None:
    """Both the project's rules and the user's own."""
    (stack.checkout / "review" / "own_rules.py").write_text(OWN_RULES)
    done = stack.run("pulumi", "up", "--yes", *PACK)
    assert done.returncode != 0
    assert stack.changed == []
    said = " ".join(done.stdout.split())
    assert (
        "[mandatory] images-by-digest (docker:index:Container: node) node (Container) has image two. A tag "
    ) in said
    assert "[mandatory] ours (docker:index:Volume: wallet) wallet (Volume) is not ours. It is so." in said
    # Pulumi ends its Python host by a signal, which could make it print a traceback.
    assert 'policy_pack.py", line' not in said


def test_a_stack_that_keeps_all_rules_passes_the_policy_pack(stack: Stack) -> None:
    stack.image(f"two@sha256:{64 * 'a'}")
    done = stack.run("pulumi", "up", "--yes", *PACK)
    assert done.returncode == 0, done.stdout + done.stderr
    assert stack.changed == ["update node"]
    assert "[mandatory]" not in done.stdout
    assert "It also reads `retainOnDelete`, which Pulumi does not send to policy packs" in done.stdout


def refused(stack: Stack, token: str, *said: str, details: str = "", **env: str) -> None:
    """Expect a refusal with exactly these phrases, and no requested change."""
    options = ("--details", details) if details else ()
    done = stack.apply(token, *options, **env)
    assert done.returncode == OTHER, done.stderr + done.stdout
    assert [line[2:] for line in done.stderr.splitlines() if line.startswith("- ")] == [*said], done.stderr
    assert stack.changed == []


TREE = WORDS[Part.TREE]


def test_another_setting_is_refused(stack: Stack, token: str) -> None:
    stack.image("three")
    refused(stack, token, "the stack's file", TREE, "a step")


def test_another_file_of_an_image_is_refused_though_no_step_differs(stack: Stack, token: str) -> None:
    dockerfile = "images/busybox/Dockerfile"
    stack.commit(dockerfile, (stack.checkout / dockerfile).read_text() + "# more\n")
    refused(stack, token, TREE)


def test_changes_that_are_not_committed_have_no_hash_and_are_not_applied(stack: Stack, token: str) -> None:
    with (stack.checkout / "images" / "busybox" / "Dockerfile").open("a") as file:
        file.write("# more\n")
    said = "The project has changes that are not committed; `git status` names them."
    assert stack.review() == f"none. {said}"
    done = stack.apply(token)
    assert (done.returncode, done.stderr.splitlines()[-1]) == (FAILED, f"error: {said}")
    assert stack.changed == []


def test_another_value_of_a_secret_is_refused(stack: Stack) -> None:
    """No step shows it, since both pages say `[secret]`; the ciphertext in the stack's file reveals it."""
    stack.pulumi("config", "set", "--secret", "token", "second")
    stack.git("commit", "-q", "-a", "-m", "A secret")
    token = stack.review()
    stack.pulumi("config", "set", "--secret", "token", "third")
    stack.git("commit", "-q", "-a", "-m", "Another secret")
    refused(stack, token, "the stack's file", TREE)


def test_a_secret_from_elsewhere_is_refused_by_the_step_that_it_causes(stack: Stack) -> None:
    stack.image("one")
    token = stack.review()
    refused(stack, token, "a step", OTHER="else")


def test_a_secret_that_another_update_wrote_is_refused(stack: Stack) -> None:
    """The step is the same, from one secret to another; the ciphertext in the state reveals it."""
    token = stack.review(OTHER="wanted")

    def exchange(node: Any) -> None:
        for place in ("inputs", "outputs"):
            node[place]["other"] = node[place]["token"]

    stack.edit_state(exchange)
    refused(stack, token, "the state", OTHER="wanted")


@pytest.mark.parametrize("variable", ["PROTECT", "RETAIN", "HOOK"])
def test_a_removed_resource_option_is_refused_by_name(stack: Stack, token: str, variable: str) -> None:
    """Pulumi itself reports the wallet as unchanged."""
    refused(stack, token, "options or hooks: wallet (Volume)", details=str(stack.details), **{variable: "no"})


def test_the_page_names_each_removed_resource_option(stack: Stack) -> None:
    """It named none of them, because the refresh runs the program, and so had already removed them."""
    removed = dict.fromkeys(("PROTECT", "RETAIN", "HOOK", "ORDER"), "no")
    done = stack.run("./skyinfra", "review", "--backend", "pulumi", "-s", "mine", **removed)
    assert done.returncode == 5, done.stderr + done.stdout
    for said in (
        "- The volume `wallet` on host here is no longer protected: ",
        "- The volume `wallet` on host here is no longer kept (",
        "### Warnings\n\n- wallet no longer runs the hook guard (before create): ",
        "| node | no longer waits for wallet |",
    ):
        assert said in done.stdout


def test_an_input_or_an_output_of_the_state_that_differs_is_refused(stack: Stack, token: str) -> None:
    before = stack.state_file.read_text()
    for place in ("inputs", "outputs"):

        def other_image(node: Any, place: str = place) -> None:
            node[place]["image"] = "zero"

        stack.edit_state(other_image)
        said = ["the state: node (Container)", "what a refresh finds: node (Container)"]
        refused(stack, token, *said, details=str(stack.details))
        stack.state_file.write_text(before)
    assert stack.apply(token).returncode == 0


def test_a_change_outside_of_pulumi_since_the_approval_is_refused(stack: Stack, token: str) -> None:
    (stack.folder / echo.WORLD).write_text(json.dumps({"node": {"image": "drifted"}}))
    refused(stack, token, "what a refresh finds")


def test_an_output_that_changes_by_itself_is_not_compared(stack: Stack, token: str) -> None:
    (stack.folder / echo.WORLD).write_text(json.dumps({"node": {"exitCode": 130}}))
    assert stack.apply(token).returncode == 0
    assert stack.changed == ["update node"]


def merged(stack: Stack, how: str) -> None:
    """Merge the branch `change` into `trunk`."""
    stack.git("checkout", "-q", "trunk")
    if how == "squash":
        stack.git("merge", "-q", "--squash", "change")
        stack.git("commit", "-q", "-m", "Squashed")
    else:
        stack.git("merge", "-q", f"--{how}", "change", "-m", "Merged")


@pytest.fixture
def branch(stack: Stack) -> Stack:
    """The reviewed change as a branch on top of `trunk`."""
    stack.git("branch", "-m", "change")
    stack.git("branch", "trunk", "HEAD~1")
    return stack


@pytest.mark.parametrize("how", ["squash", "no-ff", "ff"])
def test_an_update_approved_on_a_branch_is_applied_after_its_merge(
    branch: Stack, token: str, how: str
) -> None:
    before = branch.git("rev-parse", "HEAD")
    merged(branch, how)
    assert (branch.git("rev-parse", "HEAD") == before) == (how == "ff")
    assert branch.apply(token).returncode == 0
    assert branch.changed == ["update node"]


@pytest.mark.parametrize("how", ["squash", "no-ff"])
def test_a_merge_with_anything_else_is_refused(branch: Stack, token: str, how: str) -> None:
    branch.git("checkout", "-q", "trunk")
    branch.commit("NOTES", "somebody else's\n")
    merged(branch, how)
    refused(branch, token, TREE)


def test_a_program_that_changes_its_mind_after_the_comparison_meets_pulumis_own_plan(
    stack: Stack, token: str
) -> None:
    """The preview of `apply` is what was approved, but the update itself runs the program again."""
    runs = len((stack.folder / "runs").read_text())
    done = stack.apply(token, LATE=str(runs + 2))
    assert done.returncode == FAILED, done.stderr + done.stdout
    assert "violates plan" in done.stdout + done.stderr
    assert stack.changed == []


def test_a_checkout_that_changes_during_the_update_is_reported(stack: Stack, token: str) -> None:
    """Builds read the checkout when they start, which is after the comparison."""
    runs = len((stack.folder / "runs").read_text())
    done = stack.apply(token, TOUCH=str(runs + 2))
    assert done.returncode == FAILED, done.stderr + done.stdout
    assert "The checkout was changed while the update ran" in done.stderr
    assert stack.changed == ["update node"]


def test_broken_yaml_is_refused_with_its_place_before_the_program_runs(stack: Stack, token: str) -> None:
    """Pulumi names neither the line nor the file."""
    stack.commit("stacks/Pulumi.mine.yaml", stack.file.read_text() + "\tskycoin:gui: true\n")
    line = len(stack.file.read_text().splitlines())
    runs = (stack.folder / "runs").read_text()
    done = stack.apply(token)
    assert done.returncode == FAILED, done.stderr + done.stdout
    assert "error: stacks/Pulumi.mine.yaml is not valid YAML: " in done.stderr
    assert "found character '\\t'" in done.stderr
    assert f"stacks/Pulumi.mine.yaml:{line}:" in done.stderr
    assert (stack.folder / "runs").read_text() == runs
    assert stack.changed == []


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("", f"a review's hash has {LENGTH} hexadecimal digits, and this one has 0 characters."),
        ("0" * 40, f"a review's hash has {LENGTH} hexadecimal digits, and this one has 40 characters."),
        ("g" * LENGTH, "a review's hash has only hexadecimal digits."),
    ],
    ids=["empty", "cut", "malformed"],
)
def test_a_malformed_hash_is_refused_with_a_clear_message(stack: Stack, given: str, said: str) -> None:
    done = stack.apply(given)
    assert (done.returncode, done.stderr.splitlines()[-1]) == (
        USAGE,
        f"Error: Invalid value for --review: {said}",
    )
    assert stack.changed == []


def test_the_hash_of_empty_input_matches_no_part(stack: Stack) -> None:
    refused(stack, hashlib.sha256(b"").hexdigest(), *WORDS.values())


def test_a_hash_of_another_stack_is_reported(stack: Stack, token: str) -> None:
    (stack.checkout / "stacks" / "Pulumi.other.yaml").write_bytes(stack.file.read_bytes())
    stack.git("add", "-A")
    stack.git("commit", "-q", "-m", "Another stack")
    assert stack.run("pulumi", "stack", "init", "other", "--no-select").returncode == 0
    command = ("./skyinfra", "apply", "--backend", "pulumi", "-s", "other", "--review", token)
    done = stack.run(*command)
    assert done.returncode == OTHER, done.stderr
    assert f"\n- {WORDS[Part.STACK]}\n" in done.stderr
    assert stack.changed == []
