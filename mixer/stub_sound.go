package mixer

func (s *sound) speaker() *Source { return nil }

func (s *Source) speaking() bool { return false }
