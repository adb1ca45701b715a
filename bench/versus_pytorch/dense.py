#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The toy model's training as the paper's programs do it in PyTorch: dense batches, autograd, float32.

    dense.py --dim 39 --steps 2000
"""
import math

import torch

import protocol


class AdamW(torch.optim.Optimizer):
    """AdamW whose decay is the paper's dial: γ ≥ 0 shrinks every entry, γ < 0 pulls every row to length 1. The dial
    acts before the step, with the gradient taken before it."""

    def __init__(self, groups):
        super().__init__(groups, {"lr": protocol.PEAK_RATE, "gamma": 0.0})

    @torch.no_grad()
    def step(self):
        for group in self.param_groups:
            lr, gamma = group["lr"], group["gamma"]
            for p in group["params"]:
                state = self.state[p]
                if not state:
                    state.update(t=0, m=torch.zeros_like(p), v=torch.zeros_like(p))
                state["t"] += 1
                if gamma > 0:
                    p.mul_(1 - gamma * lr)
                elif gamma < 0:
                    r = p.norm(dim=1, keepdim=True) + 1e-8
                    p.mul_(1 + lr * gamma * (1 - 1 / r))
                m, v, t = state["m"], state["v"], state["t"]
                m.mul_(protocol.BETA1).add_(p.grad, alpha=1 - protocol.BETA1)
                v.mul_(protocol.BETA2).addcmul_(p.grad, p.grad, value=1 - protocol.BETA2)
                denominator = (v.sqrt() / math.sqrt(1 - protocol.BETA2**t)).add_(protocol.EPS)
                p.addcdiv_(m, denominator, value=-lr / (1 - protocol.BETA1**t))


class Dense:
    def __init__(self, config):
        self.config = config
        self.p = protocol.probabilities(config).float()
        W, b = protocol.initial(config)
        self.W, self.b = torch.nn.Parameter(W), torch.nn.Parameter(b)
        self.optimizer = AdamW([{"params": [self.W], "gamma": config.gamma}, {"params": [self.b]}])

    def draw(self):
        shape = self.config.batch, self.config.features
        return (torch.rand(shape) < self.p) * (2 * torch.rand(shape))

    def gradient(self, x):
        """Leaves the gradients in W.grad and b.grad; returns the mean over batch and features of (y - x)²."""
        self.optimizer.zero_grad()
        y = torch.relu((x @ self.W) @ self.W.t() + self.b)
        loss = torch.nn.functional.mse_loss(y, x)
        loss.backward()
        return loss.item()

    def step(self, step):
        loss = self.gradient(self.draw())
        for group in self.optimizer.param_groups:
            group["lr"] = protocol.learning_rate(step, self.config)
        self.optimizer.step()
        return loss * self.config.features


if __name__ == "__main__":
    protocol.main(Dense, __doc__)
