package mixer

// Validate is a shim.
func (v View) Validate() error { return nil }
