// The second unit of the C++ program.
#include "shapes.h"
#include <cmath>
#include <numeric>
#include <stdexcept>

namespace geometry {
namespace {

class Circle final : public Shape {
 public:
  explicit Circle(double radius) : radius_(radius) {
    if (radius < 0) throw std::invalid_argument("negative radius");
  }
  double area() const override { return M_PI * square(radius_); }
  std::string name() const override { return "circle"; }

 private:
  static double square(double value) { return value * value; }
  double radius_;
};

class Polygon : public Shape {
 public:
  explicit Polygon(std::vector<Point<double>> corners) : corners_(std::move(corners)) {}
  double area() const override {
    double twice = 0;
    for (size_t i = 0; i < corners_.size(); i++) {
      const auto& a = corners_[i];
      const auto& b = corners_[(i + 1) % corners_.size()];
      twice += a.x * b.y - b.x * a.y;
    }
    return std::fabs(twice) / 2;
  }

 private:
  std::vector<Point<double>> corners_;
};

std::vector<Point<double>> regular(int corners, double size) {
  std::vector<Point<double>> result;
  for (int i = 0; i < corners; i++) {
    const double angle = 2 * M_PI * i / corners;
    result.push_back(Point<double>{std::cos(angle), std::sin(angle)} + Point<double>{size, size});
  }
  return result;
}

}  // namespace

std::unique_ptr<Shape> make(const std::string& kind, double size) {
  if (kind == "circle") return std::make_unique<Circle>(size);
  if (kind == "square") return std::make_unique<Polygon>(regular(4, size));
  if (kind == "hexagon") return std::make_unique<Polygon>(regular(6, size));
  throw std::runtime_error("no such shape: " + kind);
}

double total_area(const std::vector<std::unique_ptr<Shape>>& shapes) {
  return std::accumulate(shapes.begin(), shapes.end(), 0.0,
                         [](double sum, const auto& shape) { return sum + shape->area(); });
}

}  // namespace geometry
