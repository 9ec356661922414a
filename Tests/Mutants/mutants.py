"""Breaks the source in small ways, one at a time, and expects a named test to fail for each.

    mutants.py [--only NAME...] [--check] [--keep]

A mutation is a patch in `patches/NAME.patch`. Its first lines describe what it breaks and name the test that must fail:

    Breaks: a result is never sent
    Test: OutcomeHandlerTests

`Test` is a filter for `swift test --filter`. The script copies the tree, so mutations never change the working tree. It builds the
copy once without a mutation, and every named test must pass on it. It is a failure if a mutation does not apply, does not compile,
or does not make its test fail; in the last case no test covers the promise. With --check the script only checks that the patches
apply. It prints the table, and writes it to `TABLE.md` beside this file if all mutations were run.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
_TEST_SECONDS = 300


@dataclass(frozen=True)
class Mutation:
    name: str
    breaks: str
    test: str
    patch: Path

    @staticmethod
    def read(patch: Path) -> Mutation:
        head = patch.read_text().split("\ndiff --git", 1)[0]
        fields = dict(re.findall(r"^(Breaks|Test): (.+)$", head, re.MULTILINE))
        if fields.keys() != {"Breaks", "Test"}:
            raise SystemExit(f"{patch.name} must begin with a line `Breaks: …` and a line `Test: …`")
        return Mutation(patch.stem, fields["Breaks"], fields["Test"], patch)


class Copy:
    """A copy of the tree with its own build folder, to which one mutation at a time is applied."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "tree"
        files = subprocess.run(["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], cwd=ROOT, check=True,
                               stdout=subprocess.PIPE).stdout
        for name in filter(None, files.decode().split("\0")):
            target = self.folder / name
            target.parent.mkdir(parents=True, exist_ok=True)
            if (ROOT / name).exists():
                shutil.copy2(ROOT / name, target, follow_symlinks=False)
        # `git apply` needs no repository, and must not find a repository that contains the copy.
        self.environment = os.environ | {"GIT_CEILING_DIRECTORIES": str(folder)}

    def apply(self, mutation: Mutation, *options: str) -> bool:
        done = subprocess.run(["git", "apply", *options, str(mutation.patch)], cwd=self.folder, env=self.environment,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        if done.returncode != 0:
            print(done.stdout, file=sys.stderr)
        return done.returncode == 0

    def run(self, *command: str, seconds: float | None = None) -> tuple[int, str]:
        try:
            done = subprocess.run(command, cwd=self.folder, env=self.environment, stdout=subprocess.PIPE,
                                  stderr=subprocess.STDOUT, text=True, errors="replace", timeout=seconds)
            return done.returncode, done.stdout
        except subprocess.TimeoutExpired as late:
            return 124, (late.stdout or b"").decode(errors="replace")

    def build(self) -> bool:
        code, output = self.run("swift", "build", "--build-tests")
        if code != 0:
            print("\n".join(line for line in output.splitlines() if "error:" in line)[:2000], file=sys.stderr)
        return code == 0

    def test(self, pattern: str) -> tuple[bool, str]:
        """- Returns: whether the tests passed, and the first that failed. A run without tests means that the filter is wrong."""
        code, output = self.run("infra/dev/test.sh", "--filter", pattern, seconds=_TEST_SECONDS)
        if re.search(r"Test run with 0 tests|No test ran", output):
            raise SystemExit(f"no test is called {pattern}")
        failed = re.findall(r'^✘ Test "?(.+?)"? (?:with \d+ test cases )?(?:failed|recorded)', output, re.MULTILINE)
        if code != 0 and not failed:
            failed = ["did not end" if code == 124 else "crashed"]
        return code == 0, failed[0] if failed else ""


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--only", nargs="+", metavar="NAME", help="run only these mutations")
    parser.add_argument("--check", action="store_true", help="only check that every patch applies")
    parser.add_argument("--keep", action="store_true", help="keep the copy")
    arguments = parser.parse_args()
    mutations = [Mutation.read(patch) for patch in sorted((HERE / "patches").glob("*.patch"))]
    if arguments.only:
        unknown = set(arguments.only) - {one.name for one in mutations}
        if unknown:
            parser.error(f"no such mutation: {', '.join(sorted(unknown))}")
        mutations = [one for one in mutations if one.name in arguments.only]
    if not mutations:
        raise SystemExit("there is no mutation with this name")
    if arguments.check:
        stale = [one.name for one in mutations
                 if subprocess.run(["git", "apply", "--check", str(one.patch)], cwd=ROOT).returncode != 0]
        for name in stale:
            print(f"mutants: {name} no longer applies", file=sys.stderr)
        return 1 if stale else 0
    folder = Path(tempfile.mkdtemp(prefix="winnow-mutants.", dir="/tmp"))
    folder.chmod(0o755)
    try:
        return judge(Copy(folder), mutations, writes_table=arguments.only is None)
    finally:
        if arguments.keep:
            print(f"copy: {folder}/tree", file=sys.stderr)
        else:
            shutil.rmtree(folder, ignore_errors=True)


def judge(copy: Copy, mutations: list[Mutation], writes_table: bool) -> int:
    began = time.monotonic()
    say = lambda text: print(f"  {time.monotonic() - began:5.0f} s  {text}", file=sys.stderr, flush=True)
    if not copy.build():
        raise SystemExit("the tree does not build without a mutation")
    say("built as it is")
    pattern = "|".join(sorted({one.test for one in mutations}))
    passed, failed = copy.test(pattern)
    if not passed:
        raise SystemExit(f"a named test fails without a mutation: {failed}")
    say("the named tests pass without a mutation")
    rows: list[tuple[Mutation, str, bool]] = []
    for mutation in mutations:
        if not copy.apply(mutation):
            rows.append((mutation, "the patch does not apply", False))
        elif not copy.build():
            rows.append((mutation, "does not compile", False))
        else:
            passed, failed = copy.test(mutation.test)
            rows.append((mutation, failed if not passed else "no test noticed", not passed))
        say(f"{mutation.name}: {rows[-1][1]}")
        if rows[-1][1] != "the patch does not apply":
            copy.apply(mutation, "--reverse")
    lines = ["| mutation | what it breaks | the test that fails |", "|---|---|---|"]
    lines += [f"| {one.name} | {one.breaks} | {'' if noticed else '**survived**: '}{what.replace('|', '/')} |"
              for one, what, noticed in rows]
    print("\n".join(lines))
    survived = sum(not noticed for _, _, noticed in rows)
    print(f"\n{len(rows) - survived} of {len(rows)} mutations were detected, in {time.monotonic() - began:.0f} s.")
    if writes_table and not survived:
        (HERE / "TABLE.md").write_text("# Mutations, and the test that notices each\n\nWritten by `make mutants`.\n\n"
                                       + "\n".join(lines) + "\n")
    return 1 if survived else 0


if __name__ == "__main__":
    sys.exit(main())
