#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The same training, same mathematics, as a good PyTorch user would write it knowing that the data is almost empty.

    sparse.py --dim 39 --steps 2000

Only active entries are drawn; samples without any are one sample times their number; pre-activations are sums of Gram
rows (G = W_A·Wᵀ, A the features of this batch), so the products are A x n x m instead of B x n x m; the gradient is
written out: with D[i, j] = Σ_s x_si·g_sj it is (D + Dᵀ)W. Outputs are kept dense: finding the few positive ones with
nonzero() costs PyTorch more than multiplying by the zeros.
"""
import math

import torch
from torch.nn.functional import embedding_bag

import protocol


class Sparse:
    def __init__(self, config):
        self.config = config
        n, m = config.features, config.dim
        # A feature is there if a Poisson process of rate -ln(1-p) has at least one point: exactly Bernoulli(p).
        rate = -torch.log1p(-protocol.probabilities(config))
        self.points = config.batch * rate.sum()
        self.cumulative = rate.cumsum(0) / rate.sum()
        self.W, self.b = protocol.initial(config)
        self.t = 0
        self.gW, self.gb = torch.empty(n, m), torch.empty(n)
        self.moments = [[torch.zeros_like(p), torch.zeros_like(p), torch.empty_like(p)] for p in (self.W, self.b)]
        self.gram_buffer, self.back_buffer = torch.empty(n, n), torch.empty(n, m)

    def draw(self):
        """Sample, feature and value of every active entry, sorted by sample, then feature."""
        n, batch = self.config.features, self.config.batch
        count = int(torch.poisson(self.points))
        feature = torch.searchsorted(self.cumulative, torch.rand(count, dtype=torch.float64)).clamp_max_(n - 1)
        key = torch.randint(batch, (count,)).mul_(n).add_(feature)
        key = torch.unique_consecutive(torch.sort(key)[0])
        sample = torch.div(key, n, rounding_mode="floor")
        return sample, key - sample * n, torch.rand(len(key)).mul_(2)

    def gradient(self, sample, feature, value):
        """Leaves the gradients in gW and gb; returns the mean over batch and features of (y - x)²."""
        n, batch = self.config.features, self.config.batch
        by_feature, order = torch.sort(feature)
        active, counts = torch.unique_consecutive(by_feature, return_counts=True)
        feature_begin = counts.cumsum(0).sub_(counts)
        row_of = torch.empty(n, dtype=torch.long)
        row_of[active] = torch.arange(len(active))
        filled, place, counts = torch.unique_consecutive(sample, return_inverse=True, return_counts=True)
        sample_begin = counts.cumsum(0).sub_(counts)
        empty = batch - len(filled)

        W_A = self.W[active]
        gram = torch.mm(W_A, self.W.t(), out=self.gram_buffer[: len(active)])
        g = embedding_bag(row_of[feature], gram, sample_begin, mode="sum", per_sample_weights=value)
        g.add_(self.b).clamp_min_(0)  # y; from here on y - x, which is 0 where y is
        flat, at = g.view(-1), place * n + feature
        y = flat[at]
        hit = y > 0
        flat[at] = y - value * hit
        rest = self.b.clamp_min(0)
        loss = torch.dot(flat, flat) + value.square().mul_(~hit).sum() + empty * torch.dot(rest, rest)

        scale = 2 / (batch * n)
        torch.sum(g, 0, out=self.gb).add_(rest, alpha=empty).mul_(scale)
        D = embedding_bag(place[order], g, feature_begin, mode="sum", per_sample_weights=value[order] * scale)
        torch.mm(D.t(), W_A, out=self.gW)
        self.gW.index_add_(0, active, torch.mm(D, self.W, out=self.back_buffer[: len(active)]))
        return loss.item() / (batch * n)

    def adamw(self, p, g, moments, lr):
        m, v, scratch = moments
        m.mul_(protocol.BETA1).add_(g, alpha=1 - protocol.BETA1)
        v.mul_(protocol.BETA2).addcmul_(g, g, value=1 - protocol.BETA2)
        c = math.sqrt(1 - protocol.BETA2**self.t)  # m/(√v/c + eps) = c·m/(√v + c·eps)
        torch.sqrt(v, out=scratch).add_(c * protocol.EPS)
        p.addcdiv_(m, scratch, value=-lr * c / (1 - protocol.BETA1**self.t))

    @torch.no_grad()
    def step(self, step):
        loss = self.gradient(*self.draw())
        lr, gamma = protocol.learning_rate(step, self.config), self.config.gamma
        self.t += 1
        if gamma > 0:
            self.W.mul_(1 - gamma * lr)
        elif gamma < 0:
            r = torch.linalg.vector_norm(self.W, dim=1, keepdim=True).add_(1e-8)
            self.W.mul_(r.reciprocal_().mul_(-lr * gamma).add_(1 + lr * gamma))
        self.adamw(self.W, self.gW, self.moments[0], lr)
        self.adamw(self.b, self.gb, self.moments[1], lr)
        return loss * self.config.features


if __name__ == "__main__":
    protocol.main(Sparse, __doc__)
