package recorder

import "azulejo/recorder/fmp4"

// videoSample is one H.264 access unit, and the cut that is planned before it.
type videoSample struct {
	fmp4.Sample
	sets     *fmp4.ParameterSets // parameter sets for the decoder; used only for a keyframe
	duration int64               // video clock units; used only for the last sample of a run
	cut      cut                 // the planned cut before this sample
}

// cut says whether a part or a segment ends before a sample. The end of a segment is also the end of its
// last part.
type cut uint8

const (
	noCut cut = iota
	partCut
	segmentCut
)

// cutPlan decides where parts and segments end. Its times and lengths are in video clock units of
// 1/90000 s.
type cutPlan struct {
	segmentLength, partLength int64 // from the configuration

	segmentStart, partStart int64               // start of the segment and of the part that hold the newest video sample
	boundary                int64               // the first keyframe at or after this time starts the next segment
	sets                    *fmp4.ParameterSets // of the segment; a keyframe with different sets starts the next segment
}

// startSegment plans the segment that starts with v. It sets the boundary to the next wall-clock multiple
// of the segment length.
func (p *cutPlan) startSegment(v *videoSample) {
	p.segmentStart, p.partStart, p.sets = v.Time, v.Time, v.sets
	p.boundary = (v.Time+boundaryTolerance)/p.segmentLength*p.segmentLength + p.segmentLength
}

// cutBefore returns the cut before v and updates the plan. v must be the next video sample of the run.
func (p *cutPlan) cutBefore(v *videoSample) cut {
	switch {
	case v.Key && (v.Time+boundaryTolerance >= p.boundary || !v.sets.Equal(p.sets)):
		p.startSegment(v)
		return segmentCut
	case v.Time+boundaryTolerance >= p.partStart+p.partLength:
		p.partStart = v.Time
		return partCut
	}
	return noCut
}
