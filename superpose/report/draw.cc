// SPDX-License-Identifier: Apache-2.0
#include "superpose/report/draw.h"

#include <cairo-pdf.h>
#include <cairo-svg.h>

#include <cmath>
#include <map>
#include <memory>

#include "superpose/base/error.h"
#include "superpose/report/draw_panels.h"
#include "superpose/report/page.h"

namespace superpose::report {
namespace {

struct SurfaceGone {
  void operator()(cairo_surface_t* surface) const { cairo_surface_destroy(surface); }
};
using Surface = std::unique_ptr<cairo_surface_t, SurfaceGone>;

constexpr double kPointsPerInch = 72;

// Called from C: an exception must not pass through it.
cairo_status_t append(void* out, const unsigned char* bytes, unsigned int length) noexcept {
  try {
    static_cast<std::string*>(out)->append(reinterpret_cast<const char*>(bytes), length);
    return CAIRO_STATUS_SUCCESS;
  } catch (const std::bad_alloc&) {
    return CAIRO_STATUS_NO_MEMORY;
  }
}

int pixels(double points) { return static_cast<int>(std::lround(points / kPointsPerInch * kPictureDpi)); }

Surface make_surface(Picture picture, const Layout& layout, std::string& out) {
  switch (picture) {
    case Picture::svg: {
      Surface surface(cairo_svg_surface_create_for_stream(append, &out, layout.width, layout.height));
      cairo_svg_surface_set_document_unit(surface.get(), CAIRO_SVG_UNIT_PT);
      return surface;
    }
    case Picture::pdf:
      return Surface(cairo_pdf_surface_create_for_stream(append, &out, layout.width, layout.height));
    case Picture::png:
      break;
  }
  Surface surface(cairo_image_surface_create(CAIRO_FORMAT_RGB24, pixels(layout.width), pixels(layout.height)));
  cairo_surface_set_device_scale(surface.get(), kPictureDpi / kPointsPerInch, kPictureDpi / kPointsPerInch);
  return surface;
}

void paint(const Figure& figure, const Layout& layout, Canvas& canvas) {
  canvas.clear(kWhite);
  if (layout.panels.empty()) {
    canvas.text({layout.width / 2, layout.height / 2}, "nothing to draw", kLabelText, {0.5});
  }
  for (const PanelPlan& plan : layout.panels) {
    if (figure.kind == "map") {
      paint_map(plan, color_domain(figure), canvas);
    } else if (figure.kind == "rows") {
      paint_rows(plan, canvas);
    } else {
      paint_xy(plan, canvas);
    }
    paint_axes(plan, canvas);
  }
  if (layout.color_bar) paint_color_bar(*layout.color_bar, figure.color_label, color_domain(figure), canvas);
  paint(layout.legend, layout.legend_at, canvas);
}

// Cairo numbers the surfaces of a process, which would make a second drawing differ; here they count from 1.
void renumber_surfaces(std::string& svg) {
  constexpr std::string_view kName = "surface";
  std::map<std::string, std::string> names;
  for (size_t at = 0; (at = svg.find(kName, at)) != std::string::npos;) {
    size_t end = at + kName.size();
    while (end < svg.size() && svg[end] >= '0' && svg[end] <= '9') ++end;
    if (end == at + kName.size()) {
      at = end;
      continue;
    }
    const auto [name, added] = names.try_emplace(svg.substr(at, end - at), std::string(kName));
    if (added) name->second += std::to_string(names.size());
    svg.replace(at, end - at, name->second);
    at += name->second.size();
  }
}

std::string xml_text(const std::string& text) {
  std::string plain;  // the canvas' own reading: valid UTF-8 of characters that XML knows
  for (const TextRun& run : text_runs(text)) plain += run.text;
  return escaped(plain);
}

// A title, and every text once more: outlines can be neither searched nor read aloud.
void describe(const Figure& figure, const Canvas& canvas, std::string& svg) {
  const size_t open = svg.find("<svg"), end = open == std::string::npos ? open : svg.find('>', open);
  if (end == std::string::npos) return;
  std::string texts;
  for (const std::string& text : canvas.texts()) texts += xml_text(text) + "\n";
  svg.insert(end + 1, "\n<title>" + xml_text(figure.title) + "</title>\n<desc>" + texts + "</desc>");
}

// The resolution, so that a paper places the picture at its size. Cairo writes none: PNG's pHYs chunk for 300 dpi,
// behind the header.
void add_resolution(std::string& png) {
  static_assert(kPictureDpi == 300);
  constexpr unsigned char kChunk[] = {0,    0, 0, 9,    'p',  'H', 'Y',  's',  0,    0,   0x2e,
                                      0x23, 0, 0, 0x2e, 0x23, 1,   0x78, 0xa5, 0x3f, 0x76};
  constexpr size_t kBehindHeader = 33;
  if (png.size() > kBehindHeader) png.insert(kBehindHeader, reinterpret_cast<const char*>(kChunk), sizeof kChunk);
}

void set_metadata(const Figure& figure, cairo_surface_t* pdf) {
  const auto plain = [](const std::string& text) {
    std::string out;
    for (const TextRun& run : text_runs(text)) out += run.text;
    return out;
  };
  cairo_pdf_surface_set_metadata(pdf, CAIRO_PDF_METADATA_TITLE, plain(figure.title).c_str());
  cairo_pdf_surface_set_metadata(pdf, CAIRO_PDF_METADATA_CREATOR, "superpose");
  cairo_pdf_surface_set_metadata(pdf, CAIRO_PDF_METADATA_CREATE_DATE, "2000-01-01T00:00:00Z");  // always the same
}

}  // namespace

std::string draw(const Figure& figure, Picture picture) {
  Canvas measuring;
  const Layout layout = lay_out(figure, measuring);
  std::string out;
  const Surface surface = make_surface(picture, layout, out);
  if (picture == Picture::pdf) set_metadata(figure, surface.get());
  Canvas canvas(surface.get());
  paint(figure, layout, canvas);
  canvas.finish();
  if (picture == Picture::png) {
    if (const auto status = cairo_surface_write_to_png_stream(surface.get(), append, &out);
        status != CAIRO_STATUS_SUCCESS)
      throw Error(ErrorKind::io, std::string("Cairo could not write a PNG: ") + cairo_status_to_string(status));
    add_resolution(out);
    return out;
  }
  cairo_surface_finish(surface.get());
  if (const auto status = cairo_surface_status(surface.get()); status != CAIRO_STATUS_SUCCESS)
    throw Error(ErrorKind::io, std::string("Cairo could not write a picture: ") + cairo_status_to_string(status));
  if (picture == Picture::svg) {
    renumber_surfaces(out);
    describe(figure, canvas, out);
  }
  return out;
}

}  // namespace superpose::report
