"""Nothing from outside is run as code; what is excused from a rule on safety is listed here."""

import ast
import importlib.util
import json
import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FOLDERS = ("helpers", "chapters", "recorded", "benchmarks", "tests", ".ci")
SOURCES = sorted(path for folder in FOLDERS for path in (ROOT / folder).rglob("*.py"))

# What runs what it reads, or unpacks to wherever that says: functions, methods, keywords.
DANGEROUS = {
    "eval", "exec", "compile", "__import__",
    "pickle.load", "pickle.loads", "pickle.Unpickler", "marshal.load", "marshal.loads",
    "shelve.open", "joblib.load", "dill.load", "cloudpickle.load", "yaml.load", "yaml.unsafe_load",
    "os.system", "os.popen", "subprocess.getoutput", "subprocess.getstatusoutput",
    "shutil.unpack_archive",
}  # fmt: skip
DANGEROUS_METHODS = {"extract", "extractall"}
DANGEROUS_KEYWORDS = {("shell", True), ("allow_pickle", True), ("safe_mode", False)}

# What is used all the same, and why that is safe.
USED = {
    # It finds three names, those that rebuild an array: test_datasets_archives.py attacks it.
    ("helpers/datasets/archives.py", "pickle.Unpickler"),
    # In the sandbox, and what it runs is the grader's own question.
    ("helpers/grading/inside/runner.py", "exec"),
    # The course's own exercises and what these tests wrote themselves.
    ("tests/grading/test_grading_chapters.py", "compile"),
    ("tests/grading/test_grading_chapters.py", "exec"),
    ("tests/grading/test_hidden.py", "exec"),
    ("tests/unit/test_checks.py", "compile"),
    ("tests/unit/test_checks.py", "exec"),
    ("tests/unit/test_exercises.py", "compile"),
    ("tests/unit/test_exercises.py", "exec"),
}
# ruff's safety rules that a line is excused from: file, rule, how often.
EXCUSED = {
    ("benchmarks/results_of.py", "S603"): 1,  # this repository's own programs
    ("helpers/cli/bench.py", "S603"): 1,
    ("helpers/grading/inside/runner.py", "S102"): 1,  # see USED
    ("helpers/grading/sandbox.py", "S108"): 1,  # the sandbox's own /tmp, not this machine's
    ("helpers/grading/sandbox.py", "S603"): 3,  # bubblewrap and Python, with arguments of our own
    ("helpers/install.py", "S603"): 1,  # pip, with names from the course's own requirements
    ("tests/grading/test_grading_chapters.py", "S102"): 1,
    ("tests/grading/test_hidden.py", "S102"): 1,
    ("tests/unit/test_checks.py", "S102"): 1,
    ("tests/unit/test_exercises.py", "S102"): 1,
    ("tests/notebooks/test_stop.py", "S311"): 1,  # random moments, no secret
    ("tests/unit/killed_runs.py", "S311"): 1,  # as there
    ("tests/unit/test_setup.py", "S607"): 1,  # git, from the PATH, with fixed arguments
}
EXCUSED_FOLDERS = {
    "**/tests/**": ["S101", "S603"],
    "chapters/*/*.py": [],
    "chapters/*/exercise.py": [],
    "tests/grading/test_sandbox.py": ["S108", "S606"],  # functions that run inside the sandbox
}


def name_of(node: ast.expr) -> str:
    """Return ``a.b.c`` of a name or an attribute."""
    if isinstance(node, ast.Attribute):
        return f"{name_of(node.value)}.{node.attr}"
    return node.id if isinstance(node, ast.Name) else ""


def dangerous(code: str) -> set[str]:
    """Return what a source calls, or derives a class from, that runs what it reads."""
    found = set()
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Call):
            names, keywords = [name_of(node.func)], node.keywords
        elif isinstance(node, ast.ClassDef):
            names, keywords = [name_of(base) for base in node.bases], []
        elif isinstance(node, ast.ImportFrom):
            names, keywords = [f"{node.module}.{alias.name}" for alias in node.names], []
        else:
            continue
        found |= DANGEROUS.intersection(names)
        found |= DANGEROUS_METHODS.intersection(name.rpartition(".")[2] for name in names)
        found |= {
            f"{word.arg}={word.value.value}"
            for word in keywords
            if isinstance(word.value, ast.Constant)
            and (word.arg, word.value.value) in DANGEROUS_KEYWORDS
        }
    return found


def test_nothing_runs_what_it_reads():
    found = {
        (path.relative_to(ROOT).as_posix(), name)
        for path in SOURCES
        for name in dangerous(path.read_text(encoding="utf-8"))
    }
    assert found == USED


@pytest.mark.parametrize(
    "code",
    [
        "eval(text)",
        "import pickle\nwith path.open() as file:\n    pickle.load(file)",
        "class Reader(pickle.Unpickler): pass",
        "from pickle import loads",
        "subprocess.run(command, shell=True)",
        "np.load(file, allow_pickle=True)",
        "keras.models.load_model(file, safe_mode=False)",
        "with tarfile.open(path) as archive:\n    archive.extractall(folder)",
        "yaml.load(text, Loader)",
    ],
)
def test_the_search_sees_what_runs_what_it_reads(code):
    assert len(dangerous(code)) == 1


@pytest.mark.parametrize("code", ["re.compile('a')", "model.compile()", "np.load(file)", "run(a)"])
def test_the_search_passes_over_what_is_harmless(code):
    assert not dangerous(code)


def test_rules_on_safety_are_on_and_what_is_excused_from_them_is_listed():
    lint = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["ruff"]
    assert "S" in lint["lint"]["select"] and "ignore" not in lint["lint"]
    assert {
        glob: [rule for rule in rules if rule.startswith("S")]
        for glob, rules in lint["lint"]["per-file-ignores"].items()
    } == EXCUSED_FOLDERS


def test_lines_excused_from_rules_on_safety_are_listed():
    found: dict[tuple[str, str], int] = {}
    for path in SOURCES:
        text = path.read_text(encoding="utf-8")
        assert not re.search(r"#\s*ruff:\s*noqa", text), f"{path}: excuses a whole file"
        assert not re.search(r"#\s*noqa(?!:)", text), f"{path}: excuses a line from every rule"
        for rules in re.findall(r"#\s*noqa:\s*([A-Z]+\d+(?:,\s*[A-Z]+\d+)*)", text):
            for rule in re.findall(r"\bS\d+", rules):
                key = (path.relative_to(ROOT).as_posix(), rule)
                found[key] = found.get(key, 0) + 1
    assert found == EXCUSED


# --- the lock's known vulnerabilities


def audit(report):
    specification = importlib.util.spec_from_file_location("audit", ROOT / ".ci/audit.py")
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module.main(report)


def package(name, **found):
    return {"name": name, "version": "1.0"} | found


GOOD, UNKNOWN = package("good", vulns=[]), package("unknown", skip_reason="not found")
BAD = package("bad", vulns=[{"id": "CVE-1", "fix_versions": ["1.1"], "aliases": []}])
WORSE = package("worse", vulns=[{"id": "CVE-2", "fix_versions": [], "aliases": []}])


@pytest.mark.parametrize(
    ("packages", "status", "said"),
    [
        (None, 0, "skipped, the service cannot be reached"),
        ([UNKNOWN], 0, "skipped, the service knows none of them"),
        ([GOOD, UNKNOWN], 0, "0 of 1 packages have any; 1 could not be looked up"),
        ([GOOD, BAD], 1, "bad 1.0: CVE-1, cured in 1.1"),
        ([WORSE], 1, "worse 1.0: CVE-2, cured in no version yet"),
    ],
)
def test_a_vulnerable_package_fails_and_a_silent_service_is_told(
    tmp_path, capsys, packages, status, said
):
    report = tmp_path / "report.json"
    if packages is not None:
        report.write_text(json.dumps({"dependencies": packages, "fixes": []}))
    assert audit(report) == status
    assert said in capsys.readouterr().out


def test_ci_audits_the_locks():
    text = (ROOT / ".ci/run").read_text(encoding="utf-8")
    call = re.search(r"pip_audit[^\n]*", text.replace("\\\n", " "))[0]
    assert "requirements.lock" in call and "requirements-site.lock" in call
    assert ".ci/audit.py" in text
