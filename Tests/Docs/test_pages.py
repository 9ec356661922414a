"""Tests each check of the documentation with pages that it must reject and pages that it must accept."""

import tempfile
import unittest
from pathlib import Path

import check_docs
import run_docs
from pages import PageError, anchors, blocks, links, settings, shows


def page(*lines: str) -> str:
    return "\n".join(lines) + "\n"


class BlockTests(unittest.TestCase):
    def test_a_block_has_its_language_and_options(self):
        found = blocks(page("# A", "```sh", "a", "```", '```console norun="needs docker"', "$ b", "```"), "a.md")
        self.assertEqual([(block.language, block.line, block.runs) for block in found],
                         [("sh", 2, True), ("console", 5, False)])

    def test_a_fence_without_language_option_or_reason_is_refused(self):
        for fence in ["```", "```bash", '```sh norun=""', "```sh norun", '```sh skip="x"']:
            with self.assertRaises(PageError, msg=fence):
                blocks(page(fence, "a", "```"), "a.md")

    def test_a_fence_that_is_not_closed_is_refused(self):
        with self.assertRaises(PageError):
            blocks(page("```sh", "a"), "a.md")

    def test_a_console_block_has_commands_and_what_they_print(self):
        block = blocks(page("```console", "$ a \\", ">   b", "one", "$ c", "```"), "a.md")[0]
        self.assertEqual([(command.text, command.expected) for command in block.commands()],
                         [("a \\\n  b\n", "one\n"), ("c\n", None)])

    def test_a_test_command_replaces_the_first_command(self):
        block = blocks(page('```console test="true"', "$ make demo", "one", "```"), "a.md")[0]
        self.assertEqual(block.commands()[0].text, "true")


class OutputTests(unittest.TestCase):
    def test_numbers_spaces_and_dots_may_differ(self):
        self.assertTrue(shows("a  12.5 b\n…\nend\n", "a 7 b\nx\ny\nend\n"))

    def test_words_and_missing_lines_may_not(self):
        for output in ["a 1 c\n", "a b\n", "", "a 1 b\nmore\n"]:
            self.assertFalse(shows("a 1 b\n", output), output)


class RunTests(unittest.TestCase):
    def run_page(self, *lines: str) -> list[str]:
        with tempfile.TemporaryDirectory() as folder:
            environment = {"PATH": "/usr/bin:/bin"}
            return run_docs.run_page("a.md", page(*lines), Path(folder), environment, seconds=20).faults

    def test_a_page_that_works_has_no_fault(self):
        self.assertEqual(self.run_page("```sh", "a=1", "```", "```console", "$ echo $a", "1", "```"), [])

    def test_a_command_that_fails_is_a_fault_at_its_line(self):
        faults = self.run_page("```sh", "true", "```", "```sh", "false", "```", "```sh", "true", "```")
        self.assertEqual(len(faults), 1)
        self.assertTrue(faults[0].startswith("a.md:4: "), faults)

    def test_a_failure_in_the_midst_of_a_block_or_a_pipe_is_a_fault(self):
        for command in ["false\ntrue", "false | cat"]:
            self.assertEqual(len(self.run_page("```sh", command, "```")), 1)

    def test_other_output_than_the_page_shows_is_a_fault(self):
        self.assertEqual(len(self.run_page("```console", "$ echo two", "one", "```")), 1)

    def test_a_page_that_hangs_is_a_fault(self):
        with tempfile.TemporaryDirectory() as folder:
            text = page("```sh", "read -r line <>/dev/zero", "```")
            run = run_docs.run_page("a.md", text, Path(folder), {"PATH": "/usr/bin:/bin"}, seconds=1)
            self.assertEqual(len(run.faults), 1)

    def test_a_block_that_cannot_run_is_left_out(self):
        self.assertEqual(self.run_page('```sh norun="why"', "false", "```"), [])


class LinkTests(unittest.TestCase):
    def test_headings_have_anchors(self):
        text = page("# A page", "## What `winnow` does, twice", "```sh", "# no heading", "```")
        self.assertEqual(anchors(text), {"a-page", "what-winnow-does-twice"})

    def test_links_into_the_repository_are_found(self):
        self.assertEqual(links(page("[a](b.md#c) [d](https://e)", "```text", "[f](g.md)", "```")), ["b.md#c"])

    def test_a_link_that_leads_nowhere_is_a_fault(self):
        with tempfile.TemporaryDirectory() as folder:
            root = Path(folder)
            (root / "a.md").write_text(page("# A", "[b](b.md#there) [c](c.md) [d](#nowhere)"), encoding="utf-8")
            (root / "b.md").write_text(page("# There"), encoding="utf-8")
            self.assertEqual(len(list(check_docs.link_faults([root / "a.md", root / "b.md"], root))), 2)


class SettingTests(unittest.TestCase):
    TABLE = page("| `A_B` | `5` | services | x |", "| `C_<NAME>` | none | winnow, aggregator | y |", "| `D` | z |")

    def test_rows_are_read(self):
        found = settings(self.TABLE)
        self.assertEqual(set(found), {"A_B", "C_"})
        self.assertEqual(found["A_B"].literal_default, "5")
        self.assertIn("workers", found["A_B"].read_by)
        self.assertIsNone(found["C_"].literal_default)

    def test_what_a_service_reads_must_be_in_its_rows_and_the_reverse(self):
        found = settings(page("| `A` | `5` | workers | x |", "| `B` | none | workers | x |"))
        check = run_docs.setting_faults
        self.assertEqual(list(check(found, "x-worker", {"A": "5", "B": ""}, overridden=set())), [])
        self.assertEqual(list(check(found, "x-worker", {"A": "6", "B": ""}, overridden={"A"})), [])
        self.assertEqual(len(list(check(found, "x-worker", {"A": "6", "B": ""}, overridden=set()))), 1)
        self.assertEqual(len(list(check(found, "x-worker", {"A": "5"}, overridden=set()))), 1)
        self.assertEqual(len(list(check(found, "x-worker", {"A": "5", "B": "", "C": ""}, overridden=set()))), 1)
        self.assertEqual(len(list(check(found, "escalator", {"A": "5"}, overridden=set()))), 1)


if __name__ == "__main__":
    unittest.main()
