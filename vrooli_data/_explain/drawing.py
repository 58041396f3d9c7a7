"""Draw a plan as nested lists that can be folded. No I/O.

The plans are not drawn by pev2, Dalibo's Vue component. Its version 1.21 was tried on the page. It
works offline, in one file, under the page's content policy, and it draws one plan well. But:

- It shows the conditions, rows and indexes of a node only after a click. They cannot be compared
  with the header beside them, searched for, or printed, and need scripts to be seen at all.
- It is made for one plan on a whole screen. 139 plans took 34 s and 146 000 elements to mount,
  and a plan of 13 nodes cannot be read on a screen 500 pixels wide.
- It adds 938 kB to a page of 1 023 kB, and to the wheel, with the licences of Vue, Bootstrap, d3,
  Font Awesome and its other libraries.
- It would replace this module alone: the terminal, the comparison of two sizes of data and the
  check of Index lines read the same tree of nodes.
"""

from __future__ import annotations

from .._plans import LARGE_SHARE, PlanNode, PlanTree, Trigger
from .markup import Html, joined, tag
from .words import cost, counted, times

#: Shares from which a node's bar is drawn warmer.
_WARM_SHARE = 0.1


def draw(plan: PlanTree, label: str) -> Html:
    """Return the plan, with its total cost above it."""
    triggers = [_trigger(plan, trigger) for trigger in plan.triggers]
    below = tag("ul", *triggers, aria_label="Triggers of foreign keys") if triggers else Html()
    return tag(
        "div",
        tag("p", cost(plan), class_="plan-summary"),
        tag("ul", _node(plan, plan.root), aria_label=label),
        below,
        class_="plan",
    )


def _node(plan: PlanTree, node: PlanNode) -> Html:
    facts = [
        tag("div", tag("b", label), " ", tag("code", text), class_="fact")
        for label, text in node.facts
    ]
    facts += [tag("div", remark, class_="remark") for remark in node.remarks]
    below = [_node(plan, child) for child in node.children]
    children = tag("ul", *below) if below else Html()
    share = plan.share(plan.cost(node).ms)
    heat = "never" if node.loops == 0 and node.rows is not None else _heat_class(share)
    head = joined(_title(node), _numbers(plan, node), _bar(share))
    if not facts and not children:
        return tag("li", tag("div", head, class_="step"), class_=heat)
    opened = tag("details", tag("summary", head, class_="step"), *facts, children, open=True)
    return tag("li", opened, class_=heat)


def _title(node: PlanNode) -> Html:
    role = tag("span", f"{node.role} ", class_="role") if node.role else Html()
    target = tag("span", f" {node.target}", class_="target") if node.target else Html()
    return tag("span", role, tag("b", node.kind), target, class_="title")


def _numbers(plan: PlanTree, node: PlanNode) -> Html:
    if node.rows is None:
        return tag("span", f"about {counted(node.planned_rows, 'row', 'rows')}", class_="numbers")
    if node.loops == 0:
        return tag("span", "never executed", class_="numbers")
    rows = counted(round(node.rows), "row", "rows")
    parts = [rows if node.loops == 1 else f"{rows} {times(node.loops)} loops"]
    cost = plan.cost(node)
    if cost.pages:
        read = f" ({cost.read:,} read)" if cost.read else ""
        parts.append(f"{counted(cost.pages, 'page', 'pages')}{read}")
    return _cost(" · ".join(parts), cost.ms, plan.share(cost.ms))


def _trigger(plan: PlanTree, trigger: Trigger) -> Html:
    title = tag(
        "span",
        tag("b", "Trigger"),
        tag("span", f" {trigger.name} on {trigger.relation}", class_="target"),
        class_="title",
    )
    share = plan.share(trigger.ms)
    numbers = _cost(counted(trigger.calls, "call", "calls"), trigger.ms, share)
    row = tag("div", title, numbers, _bar(share), class_="step")
    return tag("li", row, class_=_heat_class(share))


def _cost(text: str, ms: float, share: float) -> Html:
    return tag(
        "span",
        tag("span", text),
        " ",
        tag("span", f"{ms:.3f} ms", class_="ms"),
        " ",
        tag("span", f"{share:.0%}", class_="share"),
        class_="numbers",
    )


def _bar(share: float) -> Html:
    if share < 0.005:  # noqa: PLR2004 (it would be shown as 0 %)
        return Html()
    return tag("span", class_="bar", style=f"--share: {min(share, 1):.0%}", aria_hidden="true")


def _heat_class(share: float) -> str:
    return "hot" if share >= LARGE_SHARE else "warm" if share >= _WARM_SHARE else "cool"
