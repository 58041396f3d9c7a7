"""The methods of the shop."""

from __future__ import annotations

from pathlib import Path

from shop_records import Order, OrderWithCustomer

from vrooli_data import Repository, queries

_SQL = queries(Path(__file__).parent / "sql/orders")
_FIND_BY_ID = _SQL.bind("find_by_id", OrderWithCustomer)
_LIST_BY_CUSTOMER = _SQL.bind("list_by_customer", Order)
_SET_NOTE = _SQL.bind("set_note", Order)
_TOTAL_OF_CUSTOMER = _SQL.scalar("total_of_customer", int)


class Orders(Repository):
    """The orders of all customers."""

    def find_by_id(self, id: int) -> OrderWithCustomer | None:
        """Fetch one order with its customer."""
        return self.find_one(_FIND_BY_ID, id)

    def list_by_customer(self, customer_id: int, limit: int = 20) -> list[Order]:
        """List the newest orders of one customer, at most 100."""
        return self.find_all(_LIST_BY_CUSTOMER, customer_id, min(limit, 100))

    def set_note(self, id: int, note: str | None) -> Order | None:
        """Replace the note of one order."""
        return self.find_one(_SET_NOTE, id, note)

    def total_of_customer(self, customer_id: int) -> int:
        """Add up what one customer has ordered."""
        return self.get_scalar(_TOTAL_OF_CUSTOMER, customer_id)
