package pcm

import "math"

// Floor is the level of silence in dBFS. No measured level is lower.
const Floor = -127

// Level returns the RMS level of all samples in dBFS. A full-scale square wave has 0, a full-scale sine has -3. Silence and
// an empty block have Floor.
func Level(in []int16) float64 {
	var sum float64
	for _, v := range in {
		sum += float64(v) * float64(v)
	}
	if sum == 0 {
		return Floor
	}
	return decibels(math.Sqrt(sum/float64(len(in))) / 32768)
}

// Goertzel returns the level of one tone in stereo audio, in dB. in has rate frames per second, the tone has the frequency
// hz, and both channels are averaged. A full-scale sine has 0. A Hann window attenuates other tones by more than 30 dB if
// they are further away than 4/duration, which is 40 Hz for 100 ms of audio.
func Goertzel(in []int16, rate int, hz float64) float64 {
	frames := len(in) / Channels
	if frames < 2 || rate <= 0 {
		return Floor
	}
	c := 2 * math.Cos(2*math.Pi*hz/float64(rate))
	var s1, s2, weight float64
	for i := range frames {
		w := 0.5 - 0.5*math.Cos(2*math.Pi*(float64(i)+0.5)/float64(frames))
		x := (float64(in[2*i]) + float64(in[2*i+1])) / 2
		s1, s2 = w*x+c*s1-s2, s1
		weight += w
	}
	power := max(s1*s1+s2*s2-c*s1*s2, 0)
	return decibels(2 * math.Sqrt(power) / weight / 32768)
}

func decibels(ratio float64) float64 { return max(20*math.Log10(ratio), Floor) }
