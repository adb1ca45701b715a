// SPDX-License-Identifier: Apache-2.0
#include "superpose/base/limits.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include "superpose/base/files.h"

namespace superpose {
namespace {

namespace fs = std::filesystem;

// A made-up /proc and /sys.
class LimitsTest : public testing::Test {
 protected:
  void SetUp() override {
    const auto* info = testing::UnitTest::GetInstance()->current_test_info();
    root = fs::path(testing::TempDir()) / ("superpose_limits_" + std::to_string(::getpid()) + "_" + info->name());
    put("proc/meminfo", "MemTotal:       16000000 kB\nMemFree:         1000000 kB\n");
  }
  void TearDown() override { fs::remove_all(root); }
  void put(const std::string& path, const std::string& text) {
    fs::create_directories((root / path).parent_path());
    write_file(root / path, text);
  }
  CpuLimit cpu(int machine = 8, int affinity = 8) { return cpu_limit({root, machine, affinity}); }
  MemoryLimit memory() { return memory_limit(root); }
  fs::path root;
};

TEST_F(LimitsTest, nothing_limits_where_nothing_is_said) {
  EXPECT_EQ(cpu().cores, 8);
  EXPECT_EQ(cpu(8, 3).cores, 3);
  EXPECT_NE(cpu(8, 3).because.find("affinity mask allows 3"), std::string::npos);
  EXPECT_EQ(memory().bytes, 16000000ull * 1024);
  fs::remove_all(root);
  EXPECT_EQ(memory().bytes, 0u) << "not known";
  EXPECT_GE(cpu_limit().cores, 1) << "the real machine";
  EXPECT_GT(memory_limit().bytes, 0u);
}

TEST_F(LimitsTest, version_2_takes_the_least_of_the_group_and_its_ancestors) {
  put("proc/self/cgroup", "0::/user.slice/job/step\n");
  put("sys/fs/cgroup/user.slice/cpu.max", "150000 100000\n");
  put("sys/fs/cgroup/user.slice/job/cpu.max", "max 100000\n");
  put("sys/fs/cgroup/user.slice/job/step/cpu.max", "400000 100000\n");
  put("sys/fs/cgroup/user.slice/memory.max", "max\n");
  put("sys/fs/cgroup/user.slice/job/memory.max", "2000000000\n");
  put("sys/fs/cgroup/user.slice/job/step/memory.max", "9000000000\n");
  EXPECT_EQ(cpu().cores, 2) << "1.5 cores are rounded up: the quota is shared out in slices of time";
  EXPECT_NE(cpu().because.find("/user.slice allows 1.5"), std::string::npos) << cpu().because;
  EXPECT_EQ(cpu(8, 1).cores, 1) << "the affinity mask may be the narrower one";
  EXPECT_EQ(memory().bytes, 2000000000u);
  EXPECT_NE(memory().because.find("/user.slice/job allows 2 GB"), std::string::npos) << memory().because;
}

TEST_F(LimitsTest, a_container_sees_its_own_root_whatever_the_host_calls_it) {
  put("proc/self/cgroup", "0::/docker/0123456789ab\n");  // the folder does not exist inside
  put("sys/fs/cgroup/cpu.max", "200000 100000\n");
  put("sys/fs/cgroup/memory.max", "500000000\n");
  EXPECT_EQ(cpu().cores, 2);
  EXPECT_EQ(memory().bytes, 500000000u);
  put("proc/self/cgroup", "0::/../../elsewhere\n");
  EXPECT_EQ(cpu().cores, 2);
}

TEST_F(LimitsTest, version_1_has_a_hierarchy_per_controller) {
  put("proc/self/cgroup", "11:memory:/slurm/job_7\n4:cpu,cpuacct:/slurm/job_7\n1:name=systemd:/x\n0::/\n");
  put("sys/fs/cgroup/cpu,cpuacct/slurm/job_7/cpu.cfs_quota_us", "-1\n");
  put("sys/fs/cgroup/cpu,cpuacct/slurm/job_7/cpu.cfs_period_us", "100000\n");
  put("sys/fs/cgroup/cpu,cpuacct/slurm/cpu.cfs_quota_us", "300000\n");
  put("sys/fs/cgroup/cpu,cpuacct/slurm/cpu.cfs_period_us", "100000\n");
  put("sys/fs/cgroup/memory/slurm/job_7/memory.limit_in_bytes", "9223372036854771712\n");  // none
  put("sys/fs/cgroup/memory/memory.limit_in_bytes", "4000000000\n");
  EXPECT_EQ(cpu().cores, 3);
  EXPECT_EQ(memory().bytes, 4000000000u);
}

TEST_F(LimitsTest, nonsense_limits_nothing) {
  put("proc/self/cgroup", "garbage\n::::\n0::relative/../..\n");
  put("sys/fs/cgroup/cpu.max", "none\n");
  put("sys/fs/cgroup/memory.max", "-5x\n");
  EXPECT_EQ(cpu().cores, 8);
  put("sys/fs/cgroup/cpu.max", "100000 0\n");
  EXPECT_EQ(cpu().cores, 8);
  put("sys/fs/cgroup/cpu.max", "1000 100000\n");
  EXPECT_EQ(cpu().cores, 1) << "a hundredth of a core is still one thread";
}

}  // namespace
}  // namespace superpose
