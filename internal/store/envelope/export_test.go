package envelope

// SetBounds makes data keys wear out early.
func (s *Sealer) SetBounds(maxSeals, sealBlock int64) { s.maxSeals, s.sealBlock = maxSeals, sealBlock }
