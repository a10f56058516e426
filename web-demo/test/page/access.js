// Accessibility comes here.
