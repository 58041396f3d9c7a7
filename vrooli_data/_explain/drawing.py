"""Draw a plan as nested lists that can be folded. No I/O."""

from __future__ import annotations

from .markup import Html, joined, tag
from .plan_tree import LARGE_SHARE, Plan, Step, Trigger
from .words import cost, counted, times

#: Shares from which a step's bar is drawn warmer.
_WARM_SHARE = 0.1


def draw(plan: Plan, label: str) -> Html:
    """Return the plan, with what it cost in all above it."""
    triggers = [_trigger(trigger) for trigger in plan.triggers]
    below = tag("ul", *triggers, aria_label="Triggers of foreign keys") if triggers else Html()
    return tag(
        "div",
        tag("p", cost(plan), class_="plan-summary"),
        tag("ul", _step(plan.root), aria_label=label),
        below,
        class_="plan",
    )


def _step(step: Step) -> Html:
    facts = [
        tag("div", tag("b", label), " ", tag("code", text), class_="fact")
        for label, text in step.facts
    ]
    facts += [tag("div", remark, class_="remark") for remark in step.remarks]
    children = tag("ul", *map(_step, step.children)) if step.children else Html()
    head = joined(_title(step), _numbers(step), _bar(step.share))
    if not facts and not children:
        return tag("li", tag("div", head, class_="step"), class_=_heat(step))
    return tag(
        "li",
        tag("details", tag("summary", head, class_="step"), *facts, children, open=True),
        class_=_heat(step),
    )


def _title(step: Step) -> Html:
    role = tag("span", f"{step.role} ", class_="role") if step.role else Html()
    target = tag("span", f" {step.target}", class_="target") if step.target else Html()
    return tag("span", role, tag("b", step.kind), target, class_="title")


def _numbers(step: Step) -> Html:
    if step.rows is None:
        return tag("span", f"about {counted(step.planned_rows, 'row', 'rows')}", class_="numbers")
    if step.loops == 0:
        return tag("span", "never executed", class_="numbers")
    rows = counted(round(step.rows), "row", "rows")
    parts = [rows if step.loops == 1 else f"{rows} {times(step.loops)} loops"]
    if step.pages:
        read = f" ({step.pages_read:,} read)" if step.pages_read else ""
        parts.append(f"{counted(step.pages, 'page', 'pages')}{read}")
    return tag(
        "span",
        tag("span", " · ".join(parts)),
        " ",
        tag("span", f"{step.ms:.3f} ms", class_="ms"),
        " ",
        tag("span", f"{step.share:.0%}", class_="share"),
        class_="numbers",
    )


def _trigger(trigger: Trigger) -> Html:
    title = tag(
        "span",
        tag("b", "Trigger"),
        tag("span", f" {trigger.name} on {trigger.relation}", class_="target"),
        class_="title",
    )
    numbers = tag(
        "span",
        tag("span", counted(trigger.calls, "call", "calls")),
        " ",
        tag("span", f"{trigger.ms:.3f} ms", class_="ms"),
        " ",
        tag("span", f"{trigger.share:.0%}", class_="share"),
        class_="numbers",
    )
    row = tag("div", title, numbers, _bar(trigger.share), class_="step")
    return tag("li", row, class_=_warmth(trigger.share))


def _bar(share: float) -> Html:
    if share < 0.005:  # noqa: PLR2004 (it would be shown as 0 %)
        return Html()
    return tag("span", class_="bar", style=f"--share: {min(share, 1):.0%}", aria_hidden="true")


def _heat(step: Step) -> str:
    if step.loops == 0 and step.rows is not None:
        return "never"
    return _warmth(step.share)


def _warmth(share: float) -> str:
    return "hot" if share >= LARGE_SHARE else "warm" if share >= _WARM_SHARE else "cool"
