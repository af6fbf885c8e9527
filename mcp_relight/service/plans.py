"""What could be done and what it would cost, before anything is: plans and previews."""

from dataclasses import replace

from mcp_relight.domain.image import Encoded
from mcp_relight.domain.library import Taken
from mcp_relight.domain.model_views import Plan
from mcp_relight.domain.models import LOCAL_MODEL
from mcp_relight.domain.request import PlanArguments
from mcp_relight.errors import RequestError

from .market import Market, Money
from .middles import Middles
from .ordering import Order
from .orders import Orders, Pictures
from .planning import orders_for, show_plan
from .previews import Previews


class Plans:
    def __init__(
        self,
        *,
        orders: Orders,
        market: Market,
        library: Pictures,
        middles: Middles,
        previews: Previews,
    ) -> None:
        self._orders = orders
        self._market = market
        self._library = library
        self._middles = middles
        self._previews = previews

    async def plan(self, arguments: PlanArguments, money: Money) -> tuple[Plan, Encoded | None]:
        """Compare the models that could do this, with a preview if one is asked for."""
        await self._orders.catch_up()
        listed = await self._orders.several(arguments)
        if listed is not None:  # what is done to one of them, at the price of all
            arguments = arguments.model_copy(update={"image": listed[0].reference})
        whole = await self._orders.whole(arguments)
        arguments, image = await self._orders.matched(whole.arguments, whole.photo)
        orders = await orders_for(
            arguments,
            market=self._market,
            library=self._library,
            middles=self._middles,
            image=image,
        )
        pictures = len(listed) if listed is not None else 1
        plan = show_plan([replace(order, pictures=pictures) for order in orders], money)
        if listed is not None:
            words = f"For {pictures} pictures: the price is that of all, the rest of the first."
            plan = plan.model_copy(update={"warnings": (words, *plan.warnings)})
        if not arguments.preview:
            return plan, None
        try:
            return plan, await self.preview(arguments, image=orders[0].image)
        except RequestError as error:
            warnings = (*plan.warnings, f"No preview: {error.message}")
            return plan.model_copy(update={"warnings": warnings}), None

    async def preview(self, arguments: PlanArguments, *, image: Taken | None = None) -> Encoded:
        """The same description on the local engine, small and free."""
        spec = self._market.models.spec(LOCAL_MODEL)
        local = arguments.model_copy(update={"model": spec.id, "params": None, "count": None})
        whole = await self._orders.whole(local)
        filled, photo = await self._orders.matched(whole.arguments, image or whole.photo)
        order = Order.of(filled, spec, self._market, photo=photo)
        pictured = await order.with_pictures(self._library, self._middles)
        return await self._previews.render(pictured)
