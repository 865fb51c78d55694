// What shapes.cc and containers.cc share.
#pragma once
#include <memory>
#include <string>
#include <vector>

namespace geometry {

class Shape {
 public:
  virtual ~Shape() = default;
  virtual double area() const = 0;
  virtual std::string name() const { return "shape"; }
};

template <typename Number>
struct Point {
  Number x{}, y{};
  Point operator+(const Point& other) const { return {x + other.x, y + other.y}; }
  Number dot(const Point& other) const { return x * other.x + y * other.y; }
};

std::unique_ptr<Shape> make(const std::string& kind, double size);
double total_area(const std::vector<std::unique_ptr<Shape>>& shapes);

}  // namespace geometry
