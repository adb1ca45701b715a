// SPDX-License-Identifier: Apache-2.0
#include "superpose/base/sha256.h"

#include <fmt/format.h>
#include <openssl/evp.h>

#include <array>

#include "superpose/base/error.h"

namespace superpose {

struct Sha256::State {
  EVP_MD_CTX* context = EVP_MD_CTX_new();
  ~State() { EVP_MD_CTX_free(context); }
};

Sha256::Sha256() : state_(std::make_unique<State>()) {
  SUPERPOSE_ASSERT(state_->context && EVP_DigestInit_ex(state_->context, EVP_sha256(), nullptr) == 1);
}
Sha256::~Sha256() = default;

void Sha256::add(std::span<const std::byte> bytes) {
  SUPERPOSE_ASSERT(EVP_DigestUpdate(state_->context, bytes.data(), bytes.size()) == 1);
}

std::string Sha256::hex() {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned int size = 0;
  SUPERPOSE_ASSERT(EVP_DigestFinal_ex(state_->context, digest.data(), &size) == 1);
  std::string out;
  for (unsigned int k = 0; k < size; ++k) out += fmt::format("{:02x}", digest[k]);
  return out;
}

}  // namespace superpose
