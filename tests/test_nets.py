"""The shared networks against torch's own layers, and the training loop's promises."""

import subprocess
import sys
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from helpers import nets, optimizers

SEEDS = (3, 8)


def make(**settings: Any) -> nets.MLPs:
    return nets.MLPs([6, 5, 4, 3], **({"seeds": SEEDS} | settings))


def batch(n: int = 7, *, seed: int = 0) -> Tensor:
    return torch.randn(len(SEEDS), n, 6, generator=torch.Generator().manual_seed(seed))


def problem(n: int = 40) -> tuple[Tensor, Tensor]:
    x = batch(n)
    return x, (x[..., 0] > 0).long() + (x[..., 1] > 0).long()


def run(networks: nets.MLPs, *, steps: int = 10, lr: float = 0.1, **settings: Any) -> nets.History:
    x, y = problem()
    optimizer = nets.make_optimizer(networks.parameters(), "sgd", lr=lr)
    generator = torch.Generator().manual_seed(1)
    return nets.train(
        networks, x, y, steps=steps, optimizer=optimizer, generator=generator, **settings
    )


# --- weights


@pytest.mark.parametrize(
    ("scheme", "variance"),
    [
        ("lecun", 1 / 300), ("xavier", 2 / 500), ("he", 2 / 300), ("torch", 1 / 900),
        (0.3, 0.09), (2, 4.0),
    ],
)  # fmt: skip
def test_weights_have_the_scheme_s_variance(scheme: nets.Scheme, variance: float) -> None:
    generator = torch.Generator().manual_seed(0)
    weights = nets.draw_weights(300, 200, scheme, generator=generator).double()
    assert weights.shape == (300, 200)
    standard_error = (2 / weights.numel()) ** 0.5  # of a normal variance, relative
    assert abs(weights.var().item() / variance - 1) < 5 * standard_error
    assert abs(weights.mean().item()) < 5 * (variance / weights.numel()) ** 0.5


def test_gain_multiplies_the_same_draw() -> None:
    plain, doubled = (
        nets.draw_weights(5, 4, "he", generator=torch.Generator().manual_seed(1), gain=g)
        for g in (1.0, 2.0)
    )
    assert torch.equal(doubled, 2 * plain)


@pytest.mark.parametrize(("fan_in", "fan_out"), [(6, 4), (4, 6), (5, 5)])
def test_orthogonal_weights(fan_in: int, fan_out: int) -> None:
    generator = torch.Generator().manual_seed(0)
    w = nets.draw_weights(fan_in, fan_out, "orthogonal", generator=generator, gain=1.5)
    gram = w.T @ w if fan_in >= fan_out else w @ w.T
    torch.testing.assert_close(gram, 1.5**2 * torch.eye(min(fan_in, fan_out)), atol=1e-5, rtol=0)


def test_zeros_are_zeros() -> None:
    assert not nets.draw_weights(3, 2, "zeros", generator=torch.Generator()).any()


def test_unknown_scheme_is_refused() -> None:
    with pytest.raises(ValueError, match=r"scheme is one of lecun, .* or a std; got 'glorot'"):
        nets.draw_weights(3, 2, "glorot", generator=torch.Generator())


# --- networks


@pytest.mark.parametrize("activation", ["identity", "sigmoid", "tanh", "relu"])
def test_forward_is_that_of_torch_s_layers(activation: str) -> None:
    networks, x = make(activation=activation).double(), batch().double()
    torch.nn.init.normal_(networks.biases[0], generator=torch.Generator().manual_seed(2))
    modules = {"identity": nn.Identity, "sigmoid": nn.Sigmoid, "tanh": nn.Tanh, "relu": nn.ReLU}
    got = networks(x)
    for s in range(len(SEEDS)):
        layers: list[nn.Module] = []
        for w, b in zip(networks.weights, networks.biases, strict=True):
            linear = nn.Linear(*w.shape[1:]).double()
            linear.weight.data, linear.bias.data = w[s].T.detach(), b[s, 0].detach()
            layers += [linear, modules[activation]()]
        torch.testing.assert_close(got[s], nn.Sequential(*layers[:-1])(x[s]), atol=1e-12, rtol=0)


def test_layers_end_with_the_logits() -> None:
    networks, x = make(), batch()
    outputs = networks.layers(x)
    assert [tuple(h.shape) for h in outputs] == [(2, 7, 5), (2, 7, 4), (2, 7, 3)]
    assert torch.equal(outputs[-1], networks(x))
    assert (outputs[0] >= 0).all()
    assert (outputs[-1] < 0).any()  # no activation on the logits


def test_two_dimensional_inputs_go_to_all_networks() -> None:
    networks, x = make(), batch()[0]
    assert torch.equal(networks(x), networks(x.expand(2, 7, 6)))


def test_a_seed_s_weights_do_not_depend_on_its_neighbours() -> None:
    together, alone, swapped = make(), make(seeds=(8,)), make(seeds=(8, 3))
    for a, b, c in zip(together.weights, alone.weights, swapped.weights, strict=True):
        assert torch.equal(a[1], b[0])
        assert torch.equal(a, c.flip(0))
        assert not torch.equal(a[0], a[1])


def test_a_seed_s_scheme_does_not_touch_global_randomness() -> None:
    before = torch.get_rng_state()
    make(dropout=0.5).train()(batch())
    assert torch.equal(before, torch.get_rng_state())


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"activation": "swish"}, "activation is one of identity, .*; got 'swish'"),
        ({"init": "kaiming"}, "scheme is one of .*; got 'kaiming'"),
        ({"norm": "group"}, "norm is 'batch', 'layer' or None; got 'group'"),
        ({"dropout": 1.0}, r"probability of dropping, in \[0, 1\); got 1.0"),
        ({"input_dropout": -0.1}, r"probability of dropping, in \[0, 1\); got -0.1"),
    ],
)
def test_wrong_settings_are_refused(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make(**settings)


# --- dropout


@pytest.mark.parametrize("p", [0.2, 0.5])
def test_dropout_keeps_the_expectation(p: float) -> None:
    networks, h = make(dropout=p).train(), torch.ones(2, 300, 200)
    out = networks.drop(h, p)
    values = torch.unique(out)
    torch.testing.assert_close(values, torch.tensor([0.0, 1 / (1 - p)]))
    standard_error = (p / (1 - p) / out.numel()) ** 0.5
    assert abs(out.mean().item() - 1) < 5 * standard_error


def test_dropout_rests_in_eval_mode_and_repeats_with_the_seeds() -> None:
    networks, x = make(dropout=0.5, input_dropout=0.2), batch()
    twin = make(dropout=0.5, input_dropout=0.2)
    first, second = networks(x), networks(x)
    assert not torch.equal(first, second)
    assert torch.equal(first, twin(x))
    networks.eval()
    assert torch.equal(networks(x), networks(x))
    assert torch.equal(networks(x), make().eval()(x))


def test_logits_are_never_dropped() -> None:
    networks = make(dropout=0.9)
    nn.init.ones_(networks.biases[-1])
    assert (networks(batch(200)) != 0).all()


# --- normalization


def test_batch_norm_is_torch_s_with_its_buffers() -> None:
    ours, theirs = (
        nets.Normalization("batch", 2, 5).double(),
        [nn.BatchNorm1d(5).double() for _ in SEEDS],
    )
    generator = torch.Generator().manual_seed(0)
    for k in range(4):
        z = (3 * torch.randn(2, 9, 5, generator=generator) + k).double()
        expected = torch.stack([bn(z[s]) for s, bn in enumerate(theirs)])
        torch.testing.assert_close(ours(z), expected, atol=1e-10, rtol=0)
    for name in ("running_mean", "running_var"):
        buffers = torch.stack([getattr(bn, name) for bn in theirs])
        torch.testing.assert_close(getattr(ours, name)[:, 0], buffers, atol=1e-10, rtol=0)
    ours.eval()
    expected = torch.stack([bn.eval()(z[s]) for s, bn in enumerate(theirs)])
    torch.testing.assert_close(ours(z), expected, atol=1e-10, rtol=0)


@pytest.mark.parametrize("kind", ["batch", "layer"])
def test_normalization_s_gradients_are_torch_s(kind: str) -> None:
    z = torch.randn(1, 9, 5, generator=torch.Generator().manual_seed(0)).double().requires_grad_()
    ours = nets.Normalization(kind, 1, 5).double()
    theirs = nn.BatchNorm1d(5).double() if kind == "batch" else nn.LayerNorm(5).double()
    up = torch.randn(9, 5, generator=torch.Generator().manual_seed(1)).double()
    mine = torch.autograd.grad((ours(z)[0] * up).sum(), [z, ours.gamma, ours.beta])
    other = torch.autograd.grad((theirs(z[0]) * up).sum(), [z, theirs.weight, theirs.bias])
    for a, b in zip(mine, other, strict=True):
        torch.testing.assert_close(a.reshape(b.shape), b, atol=1e-10, rtol=0)


@pytest.mark.parametrize("training", [True, False])
def test_layer_norm_is_torch_s(training: bool) -> None:
    z = torch.randn(2, 9, 5, generator=torch.Generator().manual_seed(0)).double()
    ours = nets.Normalization("layer", 2, 5).double().train(training)
    torch.testing.assert_close(ours(z), nn.LayerNorm(5).double()(z), atol=1e-10, rtol=0)
    assert torch.equal(ours.running_mean, torch.zeros(2, 1, 5).double())  # has no use for it


def test_norms_stand_between_hidden_layers_only() -> None:
    networks = make(norm="batch")
    assert len(networks.norms) == 2
    h = networks.layers(batch(50))[0]  # ReLU of a standardized z: half of the mean square is left
    assert abs(h.square().mean().item() - 0.5) < 0.05


# --- measuring


def test_cross_entropy_is_torch_s_one_network_at_a_time() -> None:
    logits, labels = (
        torch.randn(2, 6, 3, generator=torch.Generator().manual_seed(0)),
        torch.arange(6) % 3,
    )
    expected = torch.stack([nn.functional.cross_entropy(each, labels) for each in logits])
    torch.testing.assert_close(nets.cross_entropy(logits, labels), expected)
    torch.testing.assert_close(nets.cross_entropy(logits, labels.expand(2, 6)), expected)


def test_measures_use_eval_mode_and_put_the_mode_back() -> None:
    networks, (x, y) = make(dropout=0.5), problem()
    for training in (True, False):
        networks.train(training)
        hits, loss = nets.accuracy(networks, x, y), nets.loss_of(networks, x, y)
        assert networks.training is training
    networks.eval()
    logits = networks(x)
    assert hits.tolist() == [(logits[s].argmax(-1) == y[s]).double().mean() for s in (0, 1)]
    np.testing.assert_allclose(loss, nets.cross_entropy(logits, y).detach().numpy(), rtol=1e-6)


def test_weight_norm_leaves_biases_out() -> None:
    networks = make()
    nn.init.ones_(networks.biases[0])
    expected = [sum((w[s] ** 2).sum().item() for w in networks.weights) ** 0.5 for s in (0, 1)]
    np.testing.assert_allclose(nets.weight_norm(networks), expected, rtol=1e-6)


def test_tensors_are_float32_and_int64_copies() -> None:
    array = np.arange(3, dtype=np.float64)
    x, y = nets.tensors(array, np.array([1, 2], dtype=np.int32))
    array[0] = 9
    assert (x.dtype, y.dtype) == (torch.float32, torch.int64)
    assert x.tolist() == [0, 1, 2]


# --- optimizers and history


def test_optimizers_take_their_settings() -> None:
    sgd = nets.make_optimizer(make().parameters(), "sgd", lr=0.1, momentum=0.9, weight_decay=0.01)
    group = sgd.param_groups[0]
    assert (group["lr"], group["momentum"], group["weight_decay"]) == (0.1, 0.9, 0.01)
    for name, kind in (("adam", torch.optim.Adam), ("adamw", torch.optim.AdamW)):
        optimizer = nets.make_optimizer(make().parameters(), name, lr=0.2, weight_decay=0.3)
        assert isinstance(optimizer, kind)
        assert optimizer.param_groups[0]["weight_decay"] == 0.3


@pytest.mark.parametrize("name", ["SGD", "Adam", "AdamW", "Adagrad", "RMSprop"])
def test_an_update_is_torchs_to_the_last_bit(name: str) -> None:
    ours, theirs = make(), make()
    rest: dict[str, Any] = {"lr": 0.1, "weight_decay": 0.01}
    rest |= {"momentum": 0.9} if name in ("SGD", "RMSprop") else {}
    made = getattr(optimizers, name)(ours.parameters(), **rest)
    torchs = getattr(torch.optim, name)(theirs.parameters(), **rest)
    for networks, optimizer in ((ours, made), (theirs, torchs)):
        for step in range(5):
            optimizer.zero_grad()
            networks(batch(seed=step)).square().mean().backward()
            optimizer.step()
    for one, other in zip(ours.parameters(), theirs.parameters(), strict=True):
        assert torch.equal(one, other)
    assert not torch.equal(ours.weights[0], make().weights[0])


def test_training_does_not_import_the_compiler() -> None:
    """torch.optim imports it, for a second or two; torch keeps what we go without in wrappers."""
    program = (
        "import sys, torch; from helpers import nets\n"
        "model = nets.MLPs([2, 3], seeds=[0]); x = torch.ones(1, 4, 2)\n"
        "for name in nets.OPTIMIZERS:\n"
        "    optimizer = nets.make_optimizer(model.parameters(), name, lr=0.1)\n"
        "    nets.train(model, x, torch.ones(1, 4, dtype=int), steps=2, optimizer=optimizer,\n"
        "               generator=torch.Generator())\n"
        "print('torch._dynamo' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout == "False\n"


def test_training_takes_labels_of_any_shape() -> None:
    """Targets of a regression, (S, n, K), an example of its own for every seed."""
    model, (x, _) = make(), problem()
    targets, seen = x[..., :3], []

    def loss(outputs: Tensor, targets: Tensor) -> Tensor:
        seen.append(targets)
        return (outputs - targets).square().mean((1, 2))

    def keep(inputs: Tensor, _: torch.Generator) -> Tensor:
        seen.append(inputs[..., :3])
        return inputs

    optimizer = nets.make_optimizer(model.parameters(), "sgd", lr=0.1)
    nets.train(
        model, x, targets, steps=1, optimizer=optimizer, generator=torch.Generator(),
        loss=loss, augment=keep, batch_size=5,
    )  # fmt: skip
    assert seen[0].shape == (len(SEEDS), 5, 3)
    assert torch.equal(seen[0], seen[1])
    for rows, pool in zip(seen[0], x[..., :3], strict=True):
        assert all((pool == row).all(-1).any() for row in rows)


def test_optimizer_errors() -> None:
    with pytest.raises(ValueError, match="optimizer is one of sgd, adam, adamw; got 'rmsprop'"):
        nets.make_optimizer(make().parameters(), "rmsprop", lr=0.1)
    with pytest.raises(ValueError, match="momentum is for optimizer 'sgd'; 'adam' has its own"):
        nets.make_optimizer(make().parameters(), "adam", lr=0.1, momentum=0.9)


def test_history_stacks_and_names_what_there_is() -> None:
    history = nets.History()
    history.add(0, {"loss": np.array([1.0, 2.0])})
    history.add(5, {"loss": np.array([0.5, 1.0])})
    assert history.steps == [0, 5]
    np.testing.assert_array_equal(history["loss"], [[1, 2], [0.5, 1]])
    with pytest.raises(KeyError, match="'acc' was not measured; there is: loss"):
        history["acc"]


# --- training


def test_training_lowers_the_loss_of_every_network() -> None:
    networks, (x, y) = make(), problem()
    before = nets.loss_of(networks, x, y)
    run(networks, steps=200)
    assert (nets.loss_of(networks, x, y) < 0.7 * before).all()


def test_one_step_of_sgd_is_the_gradient_of_the_drawn_batch() -> None:
    networks, twin, (x, y) = make(), make(), problem()
    run(networks, steps=1, batch_size=16)
    picked = torch.randint(40, (2, 16), generator=torch.Generator().manual_seed(1))
    rows = torch.arange(2)[:, None]
    loss = nets.cross_entropy(twin(x[rows, picked]), y[rows, picked]).sum()
    loss.backward()  # type: ignore[no-untyped-call]
    for w, v in zip(networks.parameters(), twin.parameters(), strict=True):
        assert v.grad is not None
        torch.testing.assert_close(w, v - 0.1 * v.grad, atol=1e-7, rtol=0)


def test_runs_that_share_a_generator_s_seed_see_the_same_batches() -> None:
    seen: list[list[Tensor]] = [[], []]
    for noted, width in zip(seen, (5, 11), strict=True):

        def note(x: Tensor, generator: torch.Generator, noted: list[Tensor] = noted) -> Tensor:
            noted.append(x.clone())
            return x

        run(nets.MLPs([6, width, 3], seeds=SEEDS), augment=note)
    assert len(seen[0]) == 10
    assert all(torch.equal(a, b) for a, b in zip(*seen, strict=True))
    assert not torch.equal(seen[0][0], seen[0][1])


def test_schedule_multiplies_the_starting_rate() -> None:
    networks, twin = make(), make()
    run(networks, steps=3, schedule=lambda step: [1.0, 0.0, 0.0][step])
    run(twin, steps=1)
    for w, v in zip(networks.parameters(), twin.parameters(), strict=True):
        assert torch.equal(w, v)


def test_penalty_is_added_to_each_network_s_loss() -> None:
    networks, twin = make(), make()
    first = networks.weights[0]
    run(networks, steps=1, penalty=lambda: 0.5 * first.square().sum((1, 2)))
    run(twin, steps=1)
    start = make().weights[0]
    torch.testing.assert_close(first, twin.weights[0] - 0.1 * start, atol=1e-6, rtol=0)


def test_own_loss_and_after_step_are_called() -> None:
    calls: list[int] = []

    def loss(logits: Tensor, labels: Tensor) -> Tensor:
        return 0 * logits.sum((1, 2))

    networks = make()
    start = [w.detach().clone() for w in networks.weights]
    run(networks, steps=4, loss=loss, after_step=calls.append)
    assert calls == [1, 2, 3, 4]
    assert all(torch.equal(w, v) for w, v in zip(networks.weights, start, strict=True))


@pytest.mark.parametrize(("steps", "noted"), [(6, [0, 3, 6]), (7, [0, 3, 6, 7]), (2, [0, 2])])
def test_measure_is_noted_at_both_ends(steps: int, noted: list[int]) -> None:
    networks = make()
    history = run(
        networks, steps=steps, every=3, measure=lambda: {"norm": nets.weight_norm(networks)}
    )
    assert history.steps == noted
    assert history["norm"].shape == (len(noted), 2)
    np.testing.assert_array_equal(history["norm"][-1], nets.weight_norm(networks))


def test_a_network_that_diverges_leaves_the_others_alone() -> None:
    networks, twin, (x, y) = make(), make(), problem()
    with torch.no_grad():
        networks.weights[0][0] = torch.inf
    run(networks)
    run(twin)
    losses = nets.loss_of(networks, x, y)
    assert np.isnan(losses[0])
    assert losses[1] == pytest.approx(nets.loss_of(twin, x, y)[1], rel=1e-6)


def test_augment_changes_what_is_trained_on() -> None:
    networks, plain = make(), make()
    run(networks, steps=1, augment=lambda x, g: x + torch.randn(x.shape, generator=g))
    run(plain, steps=1)
    assert not torch.equal(networks.weights[0], plain.weights[0])
