// SPDX-License-Identifier: Apache-2.0
// The box around a panel with its ticks, numbers, labels and title.
#include "superpose/report/draw_panels.h"

namespace superpose::report {
namespace {

constexpr Stroke kFrame{0.8, kInk, {}};
constexpr double kMajor = 3, kMinor = 1.7;  // pt, outwards

void paint_x_axis(const PanelPlan& plan, Canvas& canvas) {
  const Box& box = plan.box;
  for (const Tick& tick : plan.x_ticks) {
    const double x = plan.x.at(tick.value), length = tick.label.empty() ? kMinor : kMajor;
    canvas.line({{x, box.bottom()}, {x, box.bottom() + length}}, {tick.label.empty() ? 0.5 : 0.7, kInk, {}});
    canvas.text({x, box.bottom() + kMajor + 2 + 0.76 * kTickText.size}, tick.label, kTickText, {0.5});
  }
  double y = box.bottom() + kMajor + 2 + kTickText.size * 1.1 + kLabelText.size;
  for (const std::string& line : plan.x_label) {
    canvas.text({box.x + box.width / 2, y}, line, kLabelText, {0.5});
    y += kLabelText.size * kLineHeight;
  }
}

void paint_y_axis(const PanelPlan& plan, Canvas& canvas) {
  const Box& box = plan.box;
  for (const Tick& tick : plan.y_ticks) {
    const double y = plan.y.at(tick.value), length = tick.label.empty() ? kMinor : kMajor;
    canvas.line({{box.x - length, y}, {box.x, y}}, {tick.label.empty() ? 0.5 : 0.7, kInk, {}});
    if (plan.y_numbers) {
      canvas.text({box.x - kMajor - 2, y + 0.36 * kTickText.size}, tick.label, kTickText, {1});
    }
  }
  double x = box.x - kMajor - 2 - plan.number_width - 5;
  for (size_t i = plan.y_label.size(); i-- > 0;) {
    canvas.text({x, box.y + box.height / 2}, plan.y_label[i], kLabelText, {0.5, true});
    x -= kLabelText.size * kLineHeight;
  }
}

}  // namespace

void paint_axes(const PanelPlan& plan, Canvas& canvas) {
  canvas.outline(plan.box, kFrame);
  paint_x_axis(plan, canvas);
  paint_y_axis(plan, canvas);
  double y = plan.box.y - 4;
  for (size_t i = plan.title.size(); i-- > 0;) {
    canvas.text({plan.box.x + plan.box.width / 2, y}, plan.title[i], kTitleText, {0.5});
    y -= kTitleText.size * kLineHeight;
  }
}

}  // namespace superpose::report
