// SPDX-License-Identifier: Apache-2.0
// One pass of superpose::geometry over a matrix in a file, timed: see bench/geometry/geometry.py, which calls it.
//     bench_geometry PASS THREADS FILE OFFSET n m bf16|f32
// prints one JSON object: seconds, cpu_seconds, peak_bytes (of the process) and the numbers found.
#include <cblas.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <string>
#include <vector>

#include "superpose/base/aligned.h"
#include "superpose/geometry/geometry.h"
#include "superpose/kernels/kernels.h"

using namespace superpose;

namespace {

class FileRows : public RowSource {
 public:
  FileRows(int file, off_t offset, size_t n, size_t m, bool half)
      : RowSource(n, m), file_(file), offset_(offset), half_(half) {}
  void read(size_t begin, size_t count, float* out) const override {
    const size_t wanted = count * cols();
    if (!half_) return bytes(begin * cols() * 4, wanted * 4, out);
    std::vector<uint16_t> raw(wanted);
    bytes(begin * cols() * 2, wanted * 2, raw.data());
    for (size_t k = 0; k < wanted; ++k) out[k] = std::bit_cast<float>(uint32_t{raw[k]} << 16);
  }
  void read(size_t begin, size_t count, double* out) const override {
    std::vector<float> raw(count * cols());
    read(begin, count, raw.data());
    std::copy(raw.begin(), raw.end(), out);
  }

 private:
  void bytes(size_t at, size_t length, void* out) const {
    for (size_t done = 0; done < length;) {
      const ssize_t got =
          pread(file_, static_cast<char*>(out) + done, length - done, offset_ + static_cast<off_t>(at + done));
      if (got <= 0) throw Error(ErrorKind::io, "the file is too short");
      done += static_cast<size_t>(got);
    }
  }
  int file_;
  off_t offset_;
  bool half_;
};

double cpu_seconds() {
  timespec t;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
  return static_cast<double>(t.tv_sec) + 1e-9 * static_cast<double>(t.tv_nsec);
}

// Operations per second of single precision products on all threads at once, each its own: BLAS and our own kernel.
double rate(bool own, ThreadPool& pool) {
  constexpr size_t kSide = 1536, kInner = 256, kTile = 192;
  const size_t threads = static_cast<size_t>(pool.threads());
  std::vector<AlignedVector<float>> memory(threads, AlignedVector<float>(3 * kSide * kSide, 0.5f));
  const size_t rounds = 3;
  const auto body = [&](size_t t) {
    float *a = memory[t].data(), *b = a + kSide * kSide, *c = b + kSide * kSide;
    for (size_t r = 0; r < rounds; ++r) {
      if (!own) {
        const int side = static_cast<int>(kSide);
        cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, side, side, side, 1, a, side, b, side, 0, c, side);
        continue;
      }
      for (size_t tile = 0; tile < kSide / kTile * (kSide / kTile); ++tile) {
        for (size_t k = 0; k < kSide; k += kInner) {
          kernels::gemm_packed({kTile, kTile, kInner, a + k * kTile, kInner, 1, b + k * kTile, c, kTile, k > 0});
        }
      }
    }
  };
  pool.parallel_for(threads, body);
  const double begin = cpu_seconds();
  pool.parallel_for(threads, body);
  const double cpu = (cpu_seconds() - begin) / static_cast<double>(threads);
  return static_cast<double>(rounds * threads) * 2 * std::pow(static_cast<double>(kSide), 3) / cpu;
}

void print(const char* name, double x) { std::printf(", \"%s\": %.12g", name, x); }
void print(const char* name, const std::optional<double>& x) {
  if (x) print(name, *x);
}

void print(const geometry::Overlap& o) {
  print("mean_square", o.mean_square);
  print("mean_cosine", o.mean_cosine);
  print("mean_abs", o.mean_abs);
  print("mean_abs_se", o.mean_abs_se);
  print("std_abs", o.std_abs);
  print("max_abs", o.max_abs);
}

void run(const std::string& pass, const RowSource& W, ThreadPool& pool) {
  geometry::OverlapOptions options{.max_exact_pairs = 0, .sampled_pairs = 0};
  if (pass == "pass") {
    const auto o = geometry::overlap(W, options, pool);
    print(o);
    print("norm_mean", geometry::summarize_norms(o.norms).mean);
  } else if (pass == "centered") {
    options.centered = true;
    print(geometry::overlap(W, options, pool));
  } else if (pass == "pairs") {
    options = {.max_exact_pairs = ~size_t{0}, .bins = 200, .nearest = true};
    print(geometry::overlap(W, options, pool));
  } else if (pass == "sample") {
    options.sampled_pairs = 1'000'000 / std::max<size_t>(1, W.cols() / 512);
    print(geometry::overlap(W, options, pool));
  } else if (pass == "spectrum") {
    const auto s = geometry::spectrum(W, pool);
    print("effective_rank", s.effective_rank);
    print("participation_ratio", s.participation_ratio);
    print("eigenvalue_effective_rank", s.eigenvalue_effective_rank);
    print("stable_rank", s.stable_rank);
  } else {
    std::fprintf(stderr, "bench_geometry: unknown pass %s\n", pass.c_str());
    std::exit(2);
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3 && argc != 8) {
    std::fprintf(stderr,
                 "usage: bench_geometry PASS THREADS FILE OFFSET n m bf16|f32\n       bench_geometry rate THREADS\n");
    return 2;
  }
  const std::string pass = argv[1];
  ThreadPool pool(std::max(1, std::atoi(argv[2])));
  const auto begin = std::chrono::steady_clock::now();
  const double cpu = cpu_seconds();
  std::printf("{\"pass\": \"%s\"", pass.c_str());
  if (argc == 3) {
    print("blas", rate(false, pool));
    print("own", rate(true, pool));
  } else {
    const int file = open(argv[3], O_RDONLY);
    if (file < 0) return std::perror(argv[3]), 4;
    const FileRows W(file, std::atoll(argv[4]), std::strtoull(argv[5], nullptr, 10),
                     std::strtoull(argv[6], nullptr, 10), std::strcmp(argv[7], "bf16") == 0);
    run(pass, W, pool);
  }
  print("cpu_seconds", cpu_seconds() - cpu);
  print("seconds", std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count());
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  print("peak_bytes", static_cast<double>(usage.ru_maxrss) * 1024);
  std::printf("}\n");
  return 0;
}
