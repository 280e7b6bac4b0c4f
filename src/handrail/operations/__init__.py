"""Running a review team: queue order, staffing, cost, figures, simulation. Pure."""
