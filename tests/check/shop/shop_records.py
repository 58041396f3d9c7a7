"""The records of the shop."""

from __future__ import annotations

from datetime import datetime

import msgspec


class Order(msgspec.Struct, frozen=True):
    """One row of orders."""

    id: int
    total: int
    note: str | None
    placed_at: datetime


class Customer(msgspec.Struct, frozen=True):
    """What an order says of its customer."""

    email: str
    name: str | None


class OrderWithCustomer(Order, frozen=True):
    """One order with its customer."""

    customer: Customer
