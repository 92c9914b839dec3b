"""The precision search: the fastest combination of parts that keeps within the budget.

Every precision of every part is converted, tried, timed and scored; what loses too much is improved.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial

import numpy as np

from edge_common import EngineError, ModelError, console
from edge_convert.precision import cache, float_layers, improvement, quantiser
from edge_convert.precision.activations import LayerCost
from edge_convert.precision.candidates import (
    SIMILAR_LATENCY,
    Combination,
    PartCandidate,
    Scoring,
    SearchResult,
    fastest,
)
from edge_convert.precision.jobs import ConversionJobs
from edge_convert.precision.parts import (
    ConvertedPart,
    FloatPart,
    describe,
    latencies_ms,
    outputs_by_last_part,
    refuse_degenerate,
)
from edge_convert.precision.recipes import FLOAT32, INT8, LADDER, Recipe

SCORED_ALONE = 3  # of the costliest layers, if int8 is not to be had
LONG_TAIL = 8  # layers behind all weights: fewer are found among the costliest
HOPELESS = 1.5  # so many times slower than float32, a candidate is not even scored


class PrecisionSearch:
    """Searches over parts that were prepared for their conversions.

    forced: precisions by role.  ladder: what each part is converted to first.
    latencies: of parts, in milliseconds; None: measured here.
    """

    def __init__(
        self,
        jobs: ConversionJobs,
        parts: Sequence[FloatPart],
        scoring: Scoring,
        forced: Mapping[str, str],
        progress: console.Progress,
        ladder: Sequence[Recipe] = LADDER,
        latencies: Callable[[Sequence[ConvertedPart]], list[float]] | None = None,
    ) -> None:
        self._jobs, self._parts, self._scoring = jobs, parts, scoring
        self._forced, self._progress, self._every = dict(forced), progress, ladder
        self._first, self._latencies = parts[0].role, latencies
        self._float_layers: dict[str, tuple[str, ...]] = {}
        self._candidates: dict[str, list[PartCandidate]] = {part.role: [] for part in parts}
        self._combinations: list[Combination] = []
        self._layer_costs: dict[str, Sequence[LayerCost]] = {}
        self._reference: dict[str, np.ndarray] = {}
        self._unscored: list[tuple[tuple[PartCandidate, ...], str]] = []

    def run(self, beside: Callable[[], object] = lambda: None) -> SearchResult:
        """Convert with `beside` done meanwhile, time, score, improve, choose.

        Raises ModelError if floats give nothing to compare with or a forced precision does not work.
        """
        for part in self._parts:
            self._leave_in_float(part)
        self._float_layers = {p.role: float_layers.fine(p.model, p.states) for p in self._parts}
        last = self._parts[-1]  # whose outputs are the answers
        self._float_layers[last.role] += float_layers.readouts(last.model)
        self._progress.say("converting every part to every precision")
        every = (partial(self._convert, p, self._ladder(p.role)) for p in self._parts)
        self._jobs.at_once([*every, beside])
        self._time()
        self._score(self._worthwhile(self._first), self._worthwhile_lasts())
        for part in self._parts:
            self._improve(part)
        return SearchResult(
            chosen=self._choose(),
            combinations=tuple(self._combinations),
            candidates=tuple(a for of_part in self._candidates.values() for a in of_part),
            unscored=tuple(self._unscored),
            layer_costs=self._layer_costs,
            reference=self._reference,
        )

    def _leave_in_float(self, part: FloatPart) -> None:
        """Call nothing int8 whose weights would stay float32."""
        share, operators = quantiser.left_in_float(part.model)
        if share <= 0.5:
            return
        reason = (
            f"{operators} holds {100 * share:.0f} % of the weights of the {part.role}, "
            "and there is no way to quantise it"
        )
        if self._forced.get(part.role, FLOAT32.precision) != FLOAT32.precision:
            raise ModelError(f"the wanted precision does not work: {reason}")
        self._progress.say(f"{reason}: it stays so")
        self._forced[part.role] = FLOAT32.precision

    def _ladder(self, role: str) -> Sequence[Recipe]:
        """Also int8 but for the arithmetic behind all weights, if it is more than a few layers.

        Such arithmetic makes coordinates of maps: then what says where things are stays, too.
        """
        (model,) = (part.model for part in self._parts if part.role == role)
        tail = float_layers.tail(model)
        more = (name for name in float_layers.places(model) if name not in tail)
        mixed = dict.fromkeys((tail, (*tail, *more)))  # once, if there are no more
        layers = mixed if len(tail) > LONG_TAIL else ()
        every = (*self._every, *(Recipe("int8", float_layers=each) for each in layers))
        every = tuple(dict.fromkeys(self._of_role(role, recipe) for recipe in every))
        if role not in self._forced:
            return every
        forced = (r for r in every if r.precision == self._forced[role])
        return tuple(dict.fromkeys((FLOAT32, *forced)))

    def _of_role(self, role: str, recipe: Recipe) -> Recipe:
        """A recipe, without int8 for what makes the answers and what is made of distributions."""
        if recipe.precision != INT8.precision:
            return recipe
        layers = dict.fromkeys((*self._float_layers.get(role, ()), *recipe.float_layers))
        return replace(recipe, float_layers=tuple(layers))

    def _convert(self, part: FloatPart, recipes: Sequence[Recipe]) -> list[PartCandidate]:
        models = self._jobs.quantised(part.role, recipes)
        candidates = [self._candidate(part, recipe, models[recipe]) for recipe in recipes]
        self._candidates[part.role].extend(candidates)
        return candidates

    def _candidate(self, part: FloatPart, recipe: Recipe, model: bytes | str) -> PartCandidate:
        if isinstance(model, str):
            return PartCandidate(part.role, recipe, failure=model)
        try:
            converted = describe(
                part.role, recipe, model, part.parameters, part.states, part.given_inputs
            )
            replace(converted).engine.invoke()  # some refuse only the numbers that they meet
            return PartCandidate(part.role, recipe, converted)
        except EngineError as error:
            return PartCandidate(part.role, recipe, failure=str(error))

    def _time(self) -> None:
        """Time what has not been timed yet; all of one part in turns."""
        for role, candidates in self._candidates.items():
            new = [a for a in candidates if a.part and np.isnan(a.latency_ms)]
            parts = [candidate.converted for candidate in new]
            here = partial(cache.latencies_ms, self._jobs.cache, measure=latencies_ms)
            times = (self._latencies or here)(parts)
            timed = {id(a): replace(a, latency_ms=ms) for a, ms in zip(new, times)}
            self._candidates[role] = [timed.get(id(a), a) for a in candidates]
            self._drop_hopeless(role)

    def _drop_hopeless(self, role: str) -> None:
        """What is far slower than float32, which loses nothing, cannot win."""
        if role in self._forced:
            return
        exact = self._of(role, FLOAT32).latency_ms
        self._candidates[role] = [
            replace(a, failure=f"{a.latency_ms / exact:.0f} times as slow as float32")
            if a.usable and a.latency_ms > HOPELESS * exact
            else a
            for a in self._candidates[role]
        ]

    def _worthwhile(self, role: str) -> list[PartCandidate]:
        """What can be scored, the float part ahead: the others are held against it."""
        usable = [candidate for candidate in self._candidates[role] if candidate.usable]
        return sorted(usable, key=lambda candidate: candidate.recipe != FLOAT32)

    def _worthwhile_lasts(self) -> list[PartCandidate]:
        return self._worthwhile(self._parts[-1].role) if len(self._parts) > 1 else []

    def _of(self, role: str, recipe: Recipe) -> PartCandidate:
        return next(a for a in self._candidates[role] if a.recipe == recipe)

    def _score(self, firsts: Sequence[PartCandidate], lasts: Sequence[PartCandidate]) -> None:
        """Score each first part with each last part; of a single part there are no last ones."""
        windows = self._scoring.windows
        total = len(firsts) * len(windows)
        with self._progress.count("scoring candidates, windows", total) as on_window:
            for first in firsts:
                heads = [last.converted for last in lasts]
                converted = first.converted
                every = cache.outputs(self._jobs.cache, converted, heads, windows, on_window)
                for index, outputs in enumerate(every):
                    self._score_outputs((first, *lasts[index : index + 1]), outputs)

    def _score_outputs(
        self, candidates: tuple[PartCandidate, ...], outputs: Mapping[str, np.ndarray]
    ) -> None:
        exact = all(candidate.recipe == FLOAT32 for candidate in candidates)
        try:
            for task, values in outputs.items():
                refuse_degenerate(f"task '{task}'", values)
        except ModelError as error:
            if exact:
                raise
            self._unscored.append((candidates, str(error)))
            return
        if exact:
            self._reference = dict(outputs)
        losses = self._scoring.drops(self._reference, outputs)
        self._combinations.append(Combination(candidates, losses))

    def _improve(self, part: FloatPart) -> None:
        """Where int8 of a part would be faster than what is affordable, make it lose less."""
        if part.role in self._forced or self._affordable_at_int8_speed(part.role):
            return
        plain, best = self._of_role(part.role, INT8), partial(self._best_int8, part.role)
        costs = partial(self._costs, part.role)
        is_slow = bool(self._of(part.role, plain).failure)
        for step, recipes in improvement.rounds(part.model, plain, is_slow, best, costs):
            self._progress.say(f"int8 of the {part.role} loses too much, or is slow: trying {step}")
            new = self._convert(part, list(dict.fromkeys(self._new(part.role, recipes))))
            self._time()
            usable = [c for each in new if (c := self._of(part.role, each.recipe)).usable]
            if not usable:  # no last part would be taken for a network of a single one
                continue
            if part.role == self._first:
                self._score(usable, self._worthwhile_lasts())
            else:
                self._score(self._best_firsts(), usable)
            if self._affordable_at_int8_speed(part.role):
                return
        self._score_costliest(part)

    def _new(self, role: str, recipes: Sequence[Recipe]) -> Iterator[Recipe]:
        """Those that were not tried before, as they are for that role."""
        earlier = {candidate.recipe for candidate in self._candidates[role]}
        return (r for r in (self._of_role(role, recipe) for recipe in recipes) if r not in earlier)

    def _costs(self, role: str, recipe: Recipe) -> Sequence[LayerCost]:
        self._progress.say(f"measuring what each layer of the {role} costs in int8")
        try:
            with self._progress.steps() as on_step:
                self._layer_costs[role] = self._jobs.layer_costs(role, on_step, recipe)
        except ModelError as error:
            self._progress.say(f"warning: {error}; no layer is kept in float32")
        return self._layer_costs.get(role, ())

    def _score_costliest(self, part: FloatPart) -> None:
        """What the layers that forbid int8 lose, each alone, in points: for the report."""
        costs, best = self._layer_costs.get(part.role, ()), self._best_int8(part.role)
        alone = {c: replace(best, float_layers=(), only=c.layer) for c in costs[:SCORED_ALONE]}
        models = self._jobs.quantised(part.role, list(alone.values()))
        floats = {p.role: self._of(p.role, FLOAT32).converted for p in self._parts}
        scored = []
        for cost, recipe in alone.items():
            candidate = self._candidate(part, recipe, models[recipe])
            if candidate.usable:
                first, *lasts = {**floats, part.role: candidate.converted}.values()
                (outputs,) = outputs_by_last_part(first, lasts, self._scoring.windows)
                drops = self._scoring.drops(self._reference, outputs)
                cost = replace(cost, points=max(drop.points for drop in drops))
            scored.append(cost)
        self._layer_costs[part.role] = [*scored, *costs[len(scored) :]]

    def _best_int8(self, role: str) -> Recipe:
        """What lost least of all that was scored."""
        scored = [
            (c.worst, number, a.recipe)
            for number, c in enumerate(self._combinations)
            for a in c.candidates
            if a.role == role and a.recipe.precision == INT8.precision
        ]
        return min(scored)[2] if scored else self._of_role(role, INT8)

    def _best_firsts(self) -> list[PartCandidate]:
        """The first parts that a better last part is tried behind."""
        return list({self._choose().candidates[0]: None, self._of(self._first, FLOAT32): None})

    def _affordable_at_int8_speed(self, role: str) -> bool:
        """Whether the best affordable combination could have this part in int8, or gains nothing by it."""
        plain, best = self._of(role, self._of_role(role, INT8)), self._choose()
        mine = next(a for a in best.candidates if a.role == role)
        as_fast = not plain.failure and mine.latency_ms <= SIMILAR_LATENCY * plain.latency_ms
        cheap = [best, *(c for c in self._combinations if c.is_within(self._scoring.max_drop))]
        has_int8 = any(c.is_with_int8(role, best) for c in cheap)
        return has_int8 or not plain.part or as_fast or best.is_as_good_as_with(plain)

    def _choose(self) -> Combination:
        allowed = [c for c in self._combinations if self._as_forced(c)]
        if not allowed:
            every = [a for candidates in self._candidates.values() for a in candidates]
            failures = [a.failure for a in every if a.failure] + [why for _, why in self._unscored]
            raise ModelError(f"the wanted precision does not work: {'; '.join(failures)}")
        return fastest(allowed, self._scoring.max_drop)

    def _as_forced(self, combination: Combination) -> bool:
        forced = self._forced
        return all(
            forced.get(a.role, a.recipe.precision) == a.recipe.precision
            for a in combination.candidates
        )
