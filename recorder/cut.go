package recorder

import "azulejo/recorder/fmp4"

// videoSample is one H.264 access unit and its place in the plan.
type videoSample struct {
	fmp4.Sample
	sets  *fmp4.ParameterSets // decode a keyframe with these
	lasts int64               // video ticks until the end of the run, if this is its last sample
	cut   cut                 // planned before this sample
}

// cut says whether a part or a segment ends before a sample. A segment's end is also a part's.
type cut uint8

const (
	noCut cut = iota
	partCut
	segmentCut
)

// cutPlan decides where parts and segments end. All its times are video ticks.
type cutPlan struct {
	segmentLength, partLength int64 // from the configuration

	segmentStart, partStart int64 // of the segment and the part that hold the newest video sample
	boundary                int64 // the next segment starts at the first keyframe from here on
	sets                    *fmp4.ParameterSets
}

// startSegment plans the segment that starts with v. It lasts until the next multiple of the
// segment length on the wall clock.
func (p *cutPlan) startSegment(v *videoSample) {
	p.segmentStart, p.partStart, p.sets = v.Time, v.Time, v.sets
	p.boundary = (v.Time+boundaryTolerance)/p.segmentLength*p.segmentLength + p.segmentLength
}

// next plans the cut before v, the next video sample of the run.
func (p *cutPlan) next(v *videoSample) cut {
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
