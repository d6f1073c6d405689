"""GitHub workflows: permissions, pins, and their two scripts with a fake `gh` and `skyinfra`."""

import json
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.unit.projects import PROJECT

FOLDER = PROJECT / ".github"
WORKFLOWS = sorted((FOLDER / "workflows").glob("*.yml"))
MINE = "github-actions[bot]"


def _jobs() -> Iterator[tuple[str, Mapping[str, Any]]]:
    for file in WORKFLOWS:
        for name, job in yaml.safe_load(file.read_text())["jobs"].items():
            yield f"{file.stem}.{name}", job


@pytest.mark.parametrize("file", WORKFLOWS, ids=lambda file: file.stem)
def test_actions_are_pinned_by_commit_with_their_version_next_to_it(file: Path) -> None:
    used = re.findall(r"uses: (.*)", file.read_text())
    assert used
    for action in used:
        assert re.fullmatch(r"[a-z-]+/[a-z-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", action), action


def test_one_version_of_an_action_is_used_everywhere() -> None:
    used = {action for file in WORKFLOWS for action in re.findall(r"uses: (.*)", file.read_text())}
    assert len(used) == len({action.partition("@")[0] for action in used})


def test_a_workflow_starts_without_rights_and_a_job_has_the_least() -> None:
    assert all(yaml.safe_load(file.read_text())["permissions"] == {} for file in WORKFLOWS)
    writing = {name: job["permissions"] for name, job in _jobs() if "write" in job["permissions"].values()}
    comment = {"contents": "read", "pull-requests": "write"}
    assert writing == {"review.comment": comment, "fork.comment": comment}


def test_the_job_that_may_write_reads_only_text_of_the_branch() -> None:
    job = dict(_jobs())["review.comment"]
    steps = job["steps"]
    assert steps[0]["with"]["ref"] == "${{ github.event.pull_request.base.sha }}"
    assert [step["run"] for step in steps if "run" in step] == ['.github/post-pages "$NUMBER" pages']
    assert not [step for step in steps if "secrets." in json.dumps(step)]


def test_no_event_reaches_a_shell_but_as_a_variable() -> None:
    assert not [name for name, job in _jobs() for step in job["steps"] if "${{" in step.get("run", "")]


def test_a_fork_gets_no_secret_and_a_page_by_its_files_alone() -> None:
    jobs = dict(_jobs())
    fork = "github.event.pull_request.head.repo.full_name {} github.repository"
    assert jobs["review.preview"]["if"].endswith(fork.format("=="))
    assert jobs["fork.page"]["if"].endswith(fork.format("!="))
    its = json.dumps([jobs["fork.page"], jobs["fork.comment"]])
    assert "secrets." not in its
    assert "environment" not in its


def test_no_job_of_a_forks_workflow_checks_the_fork_out() -> None:
    jobs = dict(_jobs())
    steps = [step for name in ("fork.page", "fork.comment") for step in jobs[name]["steps"]]
    checkouts = [step["with"] for step in steps if step.get("uses", "").startswith("actions/checkout@")]
    assert [checkout["ref"] for checkout in checkouts] == ["${{ github.event.pull_request.base.sha }}"] * 2
    assert [step["run"] for step in steps if "run" in step] == [
        "pip install --quiet --require-hashes --requirement requirements.txt --requirement "
        "requirements-ecr.txt",
        'git fetch --quiet --no-tags origin "refs/pull/$NUMBER/head"',
        "./skyinfra release audit --fetch-only",
        '.github/make-page --all "$RUNNER_TEMP/page" --base "$BASE" --head "$HEAD"',
        '.github/quote_page.py "$RUNNER_TEMP/pages/all.md" "$RUNNER_TEMP/texts/all.md"',
        '.github/post-pages "$NUMBER" "$RUNNER_TEMP/texts"',
    ]
    [quote] = [step for step in jobs["fork.comment"]["steps"] if "quote_page" in step.get("run", "")]
    assert "env" not in quote, "what reads the fork's text has no rights"


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout with the scripts, and a `skyinfra` that prints the file `page` and ends with `code`."""
    shutil.copytree(FOLDER, tmp_path / ".github")
    program = tmp_path / "skyinfra"
    program.write_text(
        '#!/bin/sh\necho "$@" >asked\n'
        'while [ "$1" != --whole ]; do shift; done\ncp page "$2"\ncat page\nexit "$(cat code)"\n'
    )
    program.chmod(0o755)
    return tmp_path


def _made(
    checkout: Path, page: str, code: int, *options: str, stack: str = "mine"
) -> subprocess.CompletedProcess[str]:
    (checkout / "page").write_text(page)
    (checkout / "code").write_text(str(code))
    return subprocess.run(
        [checkout / ".github" / "make-page", stack, "pages", *options],
        cwd=checkout,
        env={"PATH": "/usr/bin:/bin", "GITHUB_STEP_SUMMARY": str(checkout / "summary")},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("code", [0, 3, 5])
def test_a_page_goes_into_the_summary_and_its_risk_is_the_exit_code(checkout: Path, code: int) -> None:
    assert _made(checkout, "## Stack mine\n", code).returncode == code
    asked = "review --stack=mine --backend pulumi --whole pages/whole/mine.md"
    assert (checkout / "asked").read_text() == f"{asked}\n"
    assert (checkout / "pages" / "mine.md").read_text() == "## Stack mine\n"
    assert (checkout / "pages" / "whole" / "mine.md").read_text() == "## Stack mine\n"
    assert (checkout / "summary").read_text() == "## Stack mine\n"


def test_options_of_a_review_reach_it(checkout: Path) -> None:
    assert _made(checkout, "page\n", 0, "--base", "b1", "--head", "c2").returncode == 0
    assert (checkout / "asked").read_text().endswith(" --whole pages/whole/mine.md --base b1 --head c2\n")


def test_pages_of_all_stacks_are_one_file(checkout: Path) -> None:
    assert _made(checkout, "page\n", 3, "--base", "b1", stack="--all").returncode == 3
    asked = "review --backend pulumi --whole pages/whole/all.md --base b1\n"
    assert (checkout / "asked").read_text() == asked
    assert (checkout / "pages" / "all.md").read_text() == "page\n"


def test_a_review_without_output_gives_a_page_that_says_so(checkout: Path) -> None:
    assert _made(checkout, "", 1).returncode == 1
    assert (checkout / "pages" / "mine.md").read_text().startswith("## Stack mine: no preview\n")


def test_drift_is_a_failure(checkout: Path) -> None:
    page = "## Stack mine: safe\n\n1 container replaced.\n"
    done = _made(checkout, page, 0, "--expect-no-changes")
    assert (done.returncode, done.stderr) == (
        1,
        "error: the stack mine differs from its program or from the world.\n",
    )
    assert _made(checkout, page, 0).returncode == 0
    same = (PROJECT / "docs" / "examples" / "nothing.md").read_text()
    assert _made(checkout, same, 0, "--expect-no-changes").returncode == 0


GH = """#!/usr/bin/env python3
import json, os, pathlib, sys
folder = pathlib.Path(__file__).parent
asked = sys.argv[1:]
if "--jq" in asked:
    # What gh's own jq does with the filter, which is compared as text.
    comments = json.loads((folder / "comments.json").read_text())
    for one in comments:
        if one["user"]["login"] == "github-actions[bot]" and one["body"].startswith(os.environ["MARKER"]):
            print(one["id"])
body = next((one.removeprefix("body=@") for one in asked if one.startswith("body=@")), None)
said = {"asked": asked, "body": body and pathlib.Path(body).read_text()}
with (folder / "log").open("a") as log:
    print(json.dumps(said), file=log)
"""


def _posted(
    tmp_path: Path, comments: list[dict[str, Any]], whole: str | None = None, **pages: str
) -> list[dict[str, Any]]:
    """Post these pages, each with the whole page `whole`; return the requests to gh."""
    gh = tmp_path / "gh"
    gh.write_text(GH)
    gh.chmod(0o755)
    (tmp_path / "comments.json").write_text(json.dumps(comments))
    for stack, page in pages.items():
        folder = tmp_path / "pages"
        (folder / "whole").mkdir(parents=True, exist_ok=True)
        (folder / f"{stack}.md").write_text(page)
        if whole is not None:
            (folder / "whole" / f"{stack}.md").write_text(whole)
    env = {"PATH": f"{tmp_path}:/usr/bin:/bin", "GH_REPO": "a/b", "GH_TOKEN": "x"}
    env |= {"GITHUB_SERVER_URL": "https://github.com", "GITHUB_RUN_ID": "42"}
    subprocess.run([FOLDER / "post-pages", "7", "pages"], cwd=tmp_path, env=env, check=True)
    return [json.loads(line) for line in (tmp_path / "log").read_text().splitlines()]


def _comment(number: int, author: str, body: str) -> dict[str, Any]:
    return {"id": number, "user": {"login": author}, "body": body}


def test_the_first_page_of_a_stack_is_a_new_comment(tmp_path: Path) -> None:
    said = _posted(tmp_path, [], release="page\n")
    assert said[0]["asked"][:3] == ["api", "--paginate", "repos/a/b/issues/7/comments"]
    assert said[0]["asked"][-1] == (
        '.[] | select(.user.login == "github-actions[bot]" and (.body | startswith(env.MARKER))) | .id'
    )
    assert said[1]["asked"][:5] == ["api", "--silent", "--method", "POST", "repos/a/b/issues/7/comments"]
    assert said[1]["body"] == "<!-- skyinfra review release -->\npage\n"
    assert len(said) == 2


def test_the_next_page_replaces_the_comment_of_its_own_stack_only(tmp_path: Path) -> None:
    marker = "<!-- skyinfra review release -->\n"
    comments = [
        _comment(1, "somebody", f"{marker}by hand"),
        _comment(2, MINE, "<!-- skyinfra review release-2 -->\n"),
        _comment(3, MINE, f"{marker}before"),
    ]
    said = _posted(tmp_path, comments, release="after\n")
    assert said[1]["asked"][:5] == ["api", "--silent", "--method", "PATCH", "repos/a/b/issues/comments/3"]
    assert said[1]["body"] == f"{marker}after\n"


def test_each_stack_has_its_own_comment_within_githubs_limit(tmp_path: Path) -> None:
    said = [
        comment for comment in _posted(tmp_path, [], fleet="x" * 70_000, release="page") if comment["body"]
    ]
    assert [comment["body"].partition("\n")[0] for comment in said] == [
        "<!-- skyinfra review fleet -->",
        "<!-- skyinfra review release -->",
    ]
    assert all(len(comment["body"]) < 65_536 for comment in said)


def test_the_end_of_a_page_is_kept_however_many_bytes_its_letters_take(tmp_path: Path) -> None:
    page = f"{'→' * 59_990}\nthe end\n"
    [body] = [comment["body"] for comment in _posted(tmp_path, [], release=page) if comment["body"]]
    assert body == f"<!-- skyinfra review release -->\n{page}"


def test_a_shortened_page_links_to_the_complete_page(tmp_path: Path) -> None:
    said = _posted(tmp_path, [], whole="page and more\n", release="page\n")
    run = "https://github.com/a/b/actions/runs/42"
    assert said[1]["body"] == (
        "<!-- skyinfra review release -->\npage\n\n"
        f"The whole page is `whole/release.md` in the artifact `page-release` of [this run]({run}).\n"
    )


def test_a_complete_page_gets_no_notice(tmp_path: Path) -> None:
    said = _posted(tmp_path, [], whole="page\n", release="page\n")
    assert said[1]["body"] == "<!-- skyinfra review release -->\npage\n"


def test_without_a_page_nothing_is_posted(tmp_path: Path) -> None:
    (tmp_path / "log").touch()
    assert _posted(tmp_path, []) == []


def _quoted(tmp_path: Path) -> str | None:
    """Text of the pages of a fork's run; None if there is none."""
    command: list[Path | str] = [FOLDER / "quote_page.py", "pages/all.md", "texts/all.md"]
    env = {"PATH": "/usr/bin:/bin", "GH_TOKEN": "canary"}
    env |= {"GITHUB_SERVER_URL": "https://github.com", "GITHUB_REPOSITORY": "a/b", "GITHUB_RUN_ID": "42"}
    subprocess.run(command, cwd=tmp_path, env=env, check=True)
    text = tmp_path / "texts" / "all.md"
    return text.read_text() if text.exists() else None


HOSTILE = """\
## Stack mine: safe
@somebody, see #1 <!-- and `<img src=x>`
````
</details> ![](https://x.invalid/y) \u202egnihton\u202c \u200b\x1b[31m\r
/approve\tit
"""


def test_a_forks_page_is_text_in_which_nothing_is_active(tmp_path: Path) -> None:
    (tmp_path / "pages").mkdir()
    (tmp_path / "pages" / "all.md").write_text(HOSTILE)
    assert _quoted(tmp_path) == (
        "## Stacks of a fork, by their files alone\n\n"
        "The program of the base made this text from the fork's stack files; names and values in it are the "
        "fork's own.\n\n"
        "    ## Stack mine: safe\n"
        "    @somebody, see #1 <!-- and `<img src=x>`\n"
        "    ````\n"
        "    </details> ![](https://x.invalid/y) gnihton [31m\n"
        "    /approveit\n\n"
    )


WHOLE_OF_FORK = (
    "The whole page is `whole/all.md` in the artifact `page-all` of [this run]("
    "https://github.com/a/b/actions/runs/42).\n"
)


@pytest.mark.parametrize("page", ["x\n" * 90_000, "x" * 300_000, "→" * 80_000, "\u200b" * 200_000])
def test_a_long_page_of_a_fork_is_shortened_with_a_notice(tmp_path: Path, page: str) -> None:
    (tmp_path / "pages").mkdir()
    (tmp_path / "pages" / "all.md").write_text(page)
    text = str(_quoted(tmp_path))
    assert len(text) < 61_000
    assert text.endswith(f"\n\nCut here.\n\n{WHOLE_OF_FORK}")


@pytest.mark.parametrize(("whole", "end"), [("page\nand more\n", f"\n{WHOLE_OF_FORK}"), ("page\n", "")])
def test_a_forks_comment_links_to_the_complete_page_if_it_has_more(
    tmp_path: Path, whole: str, end: str
) -> None:
    """Before, it named the artifact only if the comment itself was cut, and had no link to the run."""
    (tmp_path / "pages" / "whole").mkdir(parents=True)
    (tmp_path / "pages" / "all.md").write_text("page\n")
    (tmp_path / "pages" / "whole" / "all.md").write_text(whole)
    assert str(_quoted(tmp_path)).partition("fork's own.\n\n")[2] == f"    page\n\n{end}"


def test_a_link_in_a_forks_artifact_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "pages").mkdir()
    (tmp_path / "pages" / "all.md").symlink_to("/proc/self/environ")
    assert _quoted(tmp_path) is None


def test_a_run_without_pages_has_no_texts(tmp_path: Path) -> None:
    assert _quoted(tmp_path) is None


def test_every_workflow_that_creates_pages_first_fetches_the_database_of_vulnerabilities() -> None:
    """Before, `drift` did not: its page could only say that vulnerabilities were not looked up."""
    creating = []
    for name, job in _jobs():
        for step, following in pairwise(job["steps"]):
            if "make-page" in following.get("run", ""):
                creating.append(name)
                assert step["run"] == "./skyinfra release audit --fetch-only"
                assert step["continue-on-error"], "a page without vulnerabilities is better than none"
    assert creating == ["drift.preview", "fork.page", "review.preview"]


def test_every_workflow_that_creates_pages_keeps_the_complete_page_as_an_artifact() -> None:
    for name, job in _jobs():
        made = [step["run"] for step in job["steps"] if "make-page" in step.get("run", "")]
        kept = [step for step in job["steps"] if step.get("uses", "").startswith("actions/upload-artifact@")]
        assert len(made) == len(kept), name
        for run, step in zip(made, kept, strict=True):
            assert '"$RUNNER_TEMP/page"' in run
            assert step["with"]["path"] == "${{ runner.temp }}/page"
            what = "all" if "--all" in run else "${{ matrix.stack }}"
            assert (step["if"], step["with"]["name"]) == ("always()", f"page-{what}")
