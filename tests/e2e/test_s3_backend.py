"""State in an S3 bucket, shared by two users: Pulumi's real CLI with moto's S3 server on loopback.

The program is a small one of the test's own: only the backend is tested, as docs/stacks.md describes it, and
`skyinfra apply` over it. AWS itself was not tried.
"""

import logging
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto.server import ThreadedMotoServer

from catalogue.exit_codes import OTHER
from review.approval import Part
from review.approval_words import WORDS
from tests.e2e.machine import Machine, Result
from tests.e2e.test_apply import Stack, made_stack

BUCKET = "skycoin-state"
STACK = "organization/shared/team"
NODE = "urn:pulumi:mine::skycoin::docker:index/container:Container::node"
PROJECT_FILE = "name: shared\nruntime: python\n"
PROGRAM = """\
import os, pathlib, time
import pulumi

pulumi.export("published", os.environ["VALUE"])
pulumi.export("token", pulumi.Output.secret("s3cret"))
if hold := os.environ.get("HOLD"):
    pathlib.Path(hold).touch()
    while pathlib.Path(hold).exists():
        time.sleep(0.1)
"""
AWS = {
    "AWS_ACCESS_KEY_ID": "testing",
    "AWS_SECRET_ACCESS_KEY": "testing",
    # Pulumi warns about every answer without a checksum, and moto sends none.
    "AWS_RESPONSE_CHECKSUM_VALIDATION": "when_required",
}


@dataclass(frozen=True, slots=True)
class Bucket:
    """A bucket of an S3 server that keeps everything in memory."""

    address: str
    client: Any

    @property
    def url(self) -> str:
        """Value of PULUMI_BACKEND_URL."""
        options = "disableSSL=true&s3ForcePathStyle=true&region=us-east-1"
        return f"s3://{BUCKET}?endpoint={self.address}&{options}"

    def objects(self, folder: str) -> dict[str, str]:
        """Key → hash of every object in a folder of the state."""
        listed = self.client.list_objects_v2(Bucket=BUCKET, Prefix=f".pulumi/{folder}/").get("Contents", [])
        return {entry["Key"]: entry["ETag"] for entry in listed}


@dataclass(frozen=True, slots=True)
class User:
    """A user with their own checkout, home and Pulumi."""

    checkout: Path
    environment: dict[str, str]

    def start(self, *arguments: str, **environment: str) -> subprocess.Popen[str]:
        """Start a pulumi command in its own session, so that its processes can be found and killed."""
        return subprocess.Popen(
            ["pulumi", *arguments, "--non-interactive"],
            cwd=self.checkout,
            env={**self.environment, **environment},
            text=True,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )

    def pulumi(self, *arguments: str, **environment: str) -> Result:
        """Run a pulumi command to its end."""
        with self.start(*arguments, **environment) as process:
            text, _ = process.communicate(timeout=300)
            return Result(process.returncode, text)

    def up(self, **environment: str) -> Result:
        """Run `pulumi up` for the shared stack."""
        return self.pulumi("up", "--yes", "--skip-preview", "--stack", STACK, **environment)


@pytest.fixture(scope="module")
def bucket() -> Iterator[Bucket]:
    """An empty bucket on a free port."""
    logging.getLogger("werkzeug").setLevel(logging.WARNING)  # it logs every request
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    address = "{}:{}".format(*server.get_host_and_port())
    client = boto3.client(
        "s3",
        endpoint_url=f"http://{address}",
        region_name="us-east-1",
        aws_access_key_id="testing",
        aws_secret_access_key="testing",
    )
    client.create_bucket(Bucket=BUCKET)
    yield Bucket(address, client)
    client.close()
    server.stop()


def _user(name: str, folder: Path, machine: Machine, bucket: Bucket) -> User:
    checkout = folder / name / "checkout"
    checkout.mkdir(parents=True)
    (checkout / "Pulumi.yaml").write_text(PROJECT_FILE)
    (checkout / "__main__.py").write_text(PROGRAM)
    environment = machine.environment()
    del environment["PULUMI_CONFIG_PASSPHRASE_FILE"]
    return User(
        checkout,
        {
            **environment,
            "HOME": str(folder / name),
            "PULUMI_HOME": str(folder / name / "pulumi"),
            "PULUMI_BACKEND_URL": bucket.url,
            "PULUMI_CONFIG_PASSPHRASE": "correct horse",
            "VALUE": name,
            **AWS,
        },
    )


@pytest.fixture(scope="module")
def users(up: Machine, bucket: Bucket, tmp_path_factory: pytest.TempPathFactory) -> tuple[User, User]:
    """Ann, who created the stack and published; Ben, who has her stack file, as if from git."""
    folder = tmp_path_factory.mktemp("s3")
    ann, ben = (_user(name, folder, up, bucket) for name in ("ann", "ben"))
    made = ann.pulumi("stack", "init", STACK)
    assert made.code == 0, made.text
    first = ann.up()
    assert first.code == 0, first.text
    shutil.copy(ann.checkout / "Pulumi.team.yaml", ben.checkout)
    return ann, ben


@pytest.fixture
def held(users: tuple[User, User], tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """An `up` by Ann that holds the lock until the test ends."""
    hold = tmp_path / "hold"
    with users[0].start("up", "--yes", "--skip-preview", "--stack", STACK, HOLD=str(hold)) as process:
        try:
            deadline = time.monotonic() + 120
            while not hold.exists():
                assert process.poll() is None, process.stdout and process.stdout.read()
                assert time.monotonic() < deadline, "the program did not start"
                time.sleep(0.1)
            yield process
            hold.unlink()
            process.communicate(timeout=120)
        finally:
            _end(process.pid)


def _end(session: int) -> None:
    """Kill every process of a session: a killed pulumi leaves its language host and the program running."""
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[3]) == session and fields[0] != "Z":
            os.kill(int(stat.parent.name), signal.SIGKILL)


def test_the_other_user_sees_the_stack_and_its_outputs(users: tuple[User, User]) -> None:
    ann, ben = users
    assert STACK.rpartition("/")[2] in ben.pulumi("stack", "ls").text
    for user in (ann, ben):
        assert user.pulumi("stack", "output", "published", "--stack", STACK).text.strip() == "ann"
    token = ben.pulumi("stack", "output", "token", "--show-secrets", "--stack", STACK)
    assert token.text.strip() == "s3cret"


def test_a_change_of_one_user_is_seen_by_the_other(users: tuple[User, User]) -> None:
    ann, ben = users
    changed = ben.up()
    assert changed.code == 0, changed.text
    assert ann.pulumi("stack", "output", "published", "--stack", STACK).text.strip() == "ben"
    assert ann.up().code == 0


@pytest.mark.case(16)
def test_while_one_user_updates_the_other_is_refused_with_the_holder_of_the_lock(
    users: tuple[User, User], held: subprocess.Popen[str], bucket: Bucket
) -> None:
    before = bucket.objects("stacks")
    refused = users[1].up()
    assert refused.code != 0
    assert "the stack is currently locked by 1 lock(s)" in refused.text
    assert f"@{os.uname().nodename} (pid {held.pid})" in refused.text
    assert len(bucket.objects("locks")) == 1, "the lock is the other's still"
    assert bucket.objects("stacks") == before


def test_after_the_first_users_update_the_other_can_update(users: tuple[User, User], bucket: Bucket) -> None:
    assert bucket.objects("locks") == {}
    done = users[1].up()
    assert done.code == 0, done.text


@pytest.mark.case(17)
def test_the_lock_of_a_killed_update_is_given_back_by_cancel(
    users: tuple[User, User], held: subprocess.Popen[str], bucket: Bucket
) -> None:
    _end(held.pid)
    held.wait(timeout=30)
    ben = users[1]
    refused = ben.up()
    assert refused.code != 0
    assert "`pulumi cancel`" in refused.text
    assert f"(pid {held.pid})" in refused.text
    cancelled = ben.pulumi("cancel", "--yes", "--stack", STACK)
    assert cancelled.code == 0, cancelled.text
    assert bucket.objects("locks") == {}
    again = ben.up()
    assert again.code == 0, again.text


@pytest.mark.parametrize("command", ["up", "preview", "destroy"])
@pytest.mark.case(28)
def test_a_wrong_passphrase_is_reported_and_changes_nothing(
    users: tuple[User, User], bucket: Bucket, command: str
) -> None:
    before = bucket.objects("stacks")
    yes = [] if command == "preview" else ["--yes", "--skip-preview"]
    refused = users[1].pulumi(command, *yes, "--stack", STACK, PULUMI_CONFIG_PASSPHRASE="battery staple")
    assert refused.code != 0
    assert "incorrect passphrase" in refused.text
    assert bucket.objects("stacks") == before
    assert bucket.objects("locks") == {}


def test_the_bucket_holds_no_secret_in_plain_text(users: tuple[User, User], bucket: Bucket) -> None:
    keys = [*bucket.objects("stacks"), *bucket.objects("history"), *bucket.objects("backups")]
    assert {key.split("/")[1] for key in keys} == {"stacks", "history", "backups"}
    for key in keys:
        content = bucket.client.get_object(Bucket=BUCKET, Key=key)["Body"].read()
        assert b"s3cret" not in content, key


def test_what_was_approved_is_applied_once_and_not_over_a_state_that_has_moved(
    bucket: Bucket, tmp_path: Path
) -> None:
    (tmp_path / "ann").mkdir()
    ann = made_stack(tmp_path / "ann", PULUMI_BACKEND_URL=bucket.url, **AWS)
    ben = Stack(tmp_path / "ben", ann.env)
    assert ann.run("git", "clone", "-q", str(ann.checkout), str(ben.checkout)).returncode == 0
    ben.git("checkout", "-q", "HEAD~1")
    first = ann.review()
    ben.pulumi("up", "--yes", "--skip-preview", "--replace", NODE)
    assert ann.changed == ["create node", "delete node"]
    before = bucket.objects("stacks")
    moved = ann.apply(first)
    assert moved.returncode == OTHER, moved.stderr + moved.stdout
    assert f"\n- {WORDS[Part.STATE]}\n" in moved.stderr
    assert (bucket.objects("stacks"), len(ann.changed)) == (before, 2)
    second = ann.review()
    done = ann.apply(second)
    assert done.returncode == 0, done.stderr + done.stdout
    assert ann.changed[2:] == ["update node"]
    before = bucket.objects("stacks")
    again = ann.apply(second)
    assert again.returncode == OTHER, again.stderr + again.stdout
    assert "error: This review was applied already, on 20" in again.stderr
    assert (bucket.objects("stacks"), len(ann.changed)) == (before, 3)
    assert bucket.objects("locks") == {}
