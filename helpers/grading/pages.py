"""Pages of HTML: feedback for a learner, and the class for the teacher.

All that comes from learners is text to be shown and never more: it is escaped, and the pages may
load and run nothing.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from html import escape

from helpers.grading.exercises import Exercise, Task
from helpers.grading.grader import Graded
from helpers.grading.results import PASSED, TaskResult
from helpers.grading.submissions import readable

SCORES = "scores.csv"  # beside the summary
BINS = 10

STYLE = """
:root { --ink: #1c2430; --soft: #5a6572; --line: #d9dee5; --good: #1a6b3c; --bad: #a3262a;
        --bar: #2f6690; --paper: #ffffff; }
body { color: var(--ink); background: var(--paper); font: 16px/1.5 system-ui, sans-serif;
       max-width: 56rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.6rem; line-height: 1.2; margin: 0 0 .3rem; }
h2 { font-size: 1.2rem; margin: 2.2rem 0 .4rem; }
h3 { font-size: 1rem; margin: 1.6rem 0 .3rem; }
p { margin: .3rem 0 .8rem; } .soft { color: var(--soft); } .end { margin-top: 1.6rem; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th, td { text-align: left; vertical-align: top; padding: .45rem .8rem .45rem 0;
         border-bottom: 1px solid var(--line); overflow-wrap: anywhere; }
th { font-weight: 600; } th.n, td.n { text-align: right; white-space: nowrap; }
td.status { white-space: nowrap; font-weight: 600; }
.task { border: 1px solid var(--line); border-left: .35rem solid var(--bad); border-radius: .3rem;
        padding: .7rem 1rem; margin: .8rem 0; overflow-wrap: anywhere; }
.task.passed { border-left-color: var(--good); }
.task h3 { margin: 0; display: flex; justify-content: space-between; gap: 1rem; }
.task h3 span:last-child { white-space: nowrap; }
.good { color: var(--good); } .bad { color: var(--bad); }
ul { list-style: none; padding: 0; margin: .4rem 0 0; } li { padding: .1rem 0 .1rem 1.5rem; }
li::before { display: inline-block; width: 1.5rem; margin-left: -1.5rem; font-weight: 700; }
li.holds::before { content: "\\2713"; color: var(--good); }
li.fails::before { content: "\\2717"; color: var(--bad); }
li.note::before { content: "\\2013"; color: var(--soft); }
svg { display: block; width: 100%; max-width: 40rem; height: auto; margin: .5rem 0; }
svg text { font: 13px system-ui, sans-serif; fill: var(--ink); }
a { color: var(--bar); }
@media print { body { margin: 0; } .task { break-inside: avoid; } }
"""


def points(task: Task, done: TaskResult) -> float:
    """Return a task's points: all of them, or none."""
    return task.points if done.status == PASSED else 0


def pairs(each: Graded, exercises: Mapping[str, Exercise]) -> Iterator[tuple[Task, TaskResult]]:
    """Yield each task of a graded notebook with what came of it."""
    results = {done.task: done for done in each.result.tasks}
    for task in exercises[each.result.exercise].tasks:
        yield task, results[task.id]


def _page(title: str, body: Iterable[str]) -> str:
    return "\n".join(
        (
            "<!DOCTYPE html>",
            '<html lang="en"><head><meta charset="utf-8">',
            # Nothing is loaded and nothing runs, whatever a learner's text holds.
            '<meta http-equiv="Content-Security-Policy" '
            "content=\"default-src 'none'; style-src 'unsafe-inline'\">",
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f"<title>{escape(title)}</title><style>{STYLE}</style></head><body>",
            *body,
            "</body></html>",
            "",
        )
    )


def learner_page(learner: str, graded: Sequence[Graded], exercises: Mapping[str, Exercise]) -> str:
    """Return the feedback for one learner."""
    body = [f"<h1><bdi>{escape(learner)}</bdi></h1>"]
    for each in graded:
        result = each.result
        body.append(f"<h2>{escape(result.exercise or 'No exercise')}</h2>")
        if result.exercise is not None:
            done = list(pairs(each, exercises))
            reached = sum(points(*pair) for pair in done)
            most = sum(task.points for task, _ in done)
            body.append(f"<p><strong>{reached:g} of {most:g} points</strong></p>")
        if result.refused:
            file = escape(readable(each.submission.path.name))
            body.append(f'<p class="bad"><bdi>{file}</bdi>: {escape(result.refused)}</p>')
            continue
        body += [_task(*pair) for pair in done]
        if result.notes:
            body.append("<h3>What happened while the cells ran</h3><ul>")
            body += [f'<li class="note"><bdi>{escape(note)}</bdi></li>' for note in result.notes]
            body.append("</ul>")
    body.append(
        '<p class="soft end">The tasks were tried with inputs made for this grading alone. A task '
        "has its points when all that is asked of it holds. Each was run in a fresh Python, from "
        "the first cell to the last; checks and measurements were left out.</p>"
    )
    return _page(f"Feedback for {learner}", body)


def _task(task: Task, done: TaskResult) -> str:
    passed = done.status == PASSED
    properties = "".join(
        f'<li class="{"holds" if holds else "fails"}">{escape(text)}</li>'
        for text, holds in done.properties
    )
    return (
        f'<section class="task{" passed" * passed}"><h3><span>{escape(f"{task.id} {task.title}")}'
        f"</span><span>{points(task, done):g} of {task.points:g}</span></h3>"
        f'<div><strong class="{"good" if passed else "bad"}">{escape(done.status)}</strong>: '
        f"<bdi>{escape(done.message)}</bdi></div>"
        + (f"<ul>{properties}</ul>" if properties else "")
        + "</section>"
    )


def summary_page(
    graded: Sequence[Graded], exercises: Mapping[str, Exercise], pages: Mapping[str, str]
) -> str:
    """Return the page for the teacher; ``pages`` has the address of each learner's page."""
    learners = len({each.submission.learner for each in graded})
    body = [
        "<h1>Grades</h1>",
        f'<p class="soft">{_number(learners, "learner")}, {_number(len(graded), "notebook")}. '
        f'<a href="{SCORES}">{SCORES}</a> has a row for each task.</p>',
    ]
    for name, exercise in exercises.items():
        own = [each for each in graded if each.result.exercise == name]
        if own:
            body += _exercise(exercise, own, exercises, pages)
    refused = [each for each in graded if each.result.refused]
    if refused:
        body += ["<h2>Not graded</h2><table><tr><th>learner</th><th>file</th><th>why</th></tr>"]
        for each in refused:
            file = readable(str(each.submission.path))
            body.append(
                f"<tr><td>{_link(each, pages)}</td><td><bdi>{escape(file)}</bdi></td>"
                f"<td>{escape(each.result.refused)}</td></tr>"
            )
        body.append("</table>")
    return _page("Grades", body)


def _exercise(exercise, own, exercises, pages) -> Iterator[str]:
    most = sum(task.points for task in exercise.tasks)
    reached = {
        each.submission.learner: sum(points(*pair) for pair in pairs(each, exercises))
        for each in own
    }
    yield f"<h2>{escape(exercise.name)}</h2>"
    yield histogram(list(reached.values()), most)
    yield from _tasks_table(exercise, [list(pairs(each, exercises)) for each in own])
    yield '<h3>Learners</h3><table><tr><th>learner</th><th class="n">points</th>'
    yield "".join(f"<th>{escape(task.id)}</th>" for task in exercise.tasks) + "</tr>"
    for each in own:
        yield (
            f"<tr><td>{_link(each, pages)}</td>"
            f'<td class="n">{reached[each.submission.learner]:g} of {most:g}</td>'
        )
        for _, done in pairs(each, exercises):
            tone = "good" if done.status == PASSED else "bad"
            yield f'<td class="status {tone}">{escape(done.status)}</td>'
        yield "</tr>"
    yield "</table>"
    problems = Counter(
        problem for each in own for done in each.result.tasks for problem in done.problems
    )
    if problems:
        yield "<h3>Judges that raised</h3><p>A property whose judge raises does not hold. Where "
        yield "many answers make it raise, the hidden test may be what is wrong.</p><ul>"
        for problem, count in problems.most_common():
            yield f'<li class="note">{_number(count, "answer")}: {escape(problem)}</li>'
        yield "</ul>"


def _tasks_table(exercise: Exercise, own: list[list[tuple[Task, TaskResult]]]) -> Iterator[str]:
    """Yield the tasks, those that most learners failed first, and what kept most from passing."""
    results = {task.id: [] for task in exercise.tasks}
    for pairs in own:
        for task, done in pairs:
            results[task.id].append(done)
    failed = {key: sum(done.status != PASSED for done in each) for key, each in results.items()}
    yield '<h3>Tasks, most failed first</h3><table><tr><th>task</th><th class="n">failed by</th>'
    yield "<th>what kept most from passing</th></tr>"
    for task in sorted(exercise.tasks, key=lambda task: -failed[task.id]):
        reasons = Counter(
            reason
            for done in results[task.id]
            if done.status != PASSED
            for reason in _reasons(done)
        )
        most = "; ".join(f"{reason} ({count})" for reason, count in reasons.most_common(2))
        yield (
            f"<tr><td>{escape(f'{task.id} {task.title}')}</td>"
            f'<td class="n">{failed[task.id]} of {len(own)}</td><td>{escape(most)}</td></tr>'
        )
    yield "</table>"


def _reasons(done: TaskResult) -> list[str]:
    return [text for text, holds in done.properties if not holds] or [done.status]


def histogram(reached: Sequence[float], most: float) -> str:
    """Return how many learners reached which share of the points, as a picture with its text."""
    counts = [0] * BINS
    for value in reached:
        share = value / most if most else 0
        counts[min(int(share * BINS + 1e-9), BINS - 1)] += 1
    tick = max(1, -(-max(counts) // 5))
    tallest = -(-max(counts) // tick) * tick
    width, height, left, right, bottom, top = 640, 260, 56, 24, 52, 14
    step, scale = (width - left - right) / BINS, (height - bottom - top) / tallest
    base, edges = height - bottom, [100 * number // BINS for number in range(BINS + 1)]
    lines, bars, labels = [], [], []
    for count in range(0, tallest + 1, tick):
        y = base - count * scale
        lines.append(
            f'<line x1="{left}" x2="{width - right}" y1="{y:.1f}" y2="{y:.1f}" stroke="#d9dee5"/>'
        )
        labels.append(f'<text x="{left - 8}" y="{y + 4:.1f}" text-anchor="end">{count}</text>')
    for number, edge in enumerate(edges):
        x = left + number * step
        labels.append(f'<text x="{x:.1f}" y="{base + 18}" text-anchor="middle">{edge}</text>')
    for number, count in enumerate(counts):
        if count:
            bars.append(
                f'<rect x="{left + number * step + 3:.1f}" y="{base - count * scale:.1f}" '
                f'width="{step - 6:.1f}" height="{count * scale:.1f}" fill="#2f6690"/>'
            )
    said = "; ".join(
        f"{edges[number]} to {edges[number + 1]} per cent: {_number(count, 'learner')}"
        for number, count in enumerate(counts)
        if count
    )
    mean, across, up = sum(reached) / len(reached), (left + width - right) / 2, (base + top) / 2
    return (
        f"<p>{_number(len(reached), 'learner')}, {mean:.1f} of {most:g} points on average.</p>"
        f'<svg viewBox="0 0 {width} {height}" role="img" '
        f'aria-label="Histogram of the points reached. {escape(said)}.">'
        + "".join([*lines, *bars, *labels])
        + f'<text x="{across:.0f}" y="{height - 10}" text-anchor="middle">'
        "share of the points, in per cent</text>"
        f'<text x="16" y="{up:.0f}" text-anchor="middle" '
        f'transform="rotate(-90 16 {up:.0f})">learners</text></svg>'
    )


def _link(each: Graded, pages: Mapping[str, str]) -> str:
    learner = each.submission.learner
    return f'<a href="{escape(pages[learner])}"><bdi>{escape(learner)}</bdi></a>'


def _number(count: int, thing: str) -> str:
    return f"{count} {thing}{'' if count == 1 else 's'}"
