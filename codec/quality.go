package codec

//#cgo pkg-config: libavcodec libavutil
//#include <stdlib.h>
//#include <libavcodec/avcodec.h>
//#include <libavutil/opt.h>
//
//static int set_crf(AVCodecContext *c, double crf) { return av_opt_set_double(c->priv_data, "crf", crf, 0); }
import "C"

import (
	"fmt"

	"github.com/asticode/go-astiav"

	"azulejo/mixer"
)

// SetQuality changes the encoder's quality from the next frame on. q has the scale of VideoConfig.Quality. Only H264
// encoders that were opened with a quality support the change; other encoders return ErrUnsupported.
func (v *VideoEncoder) SetQuality(q int) error {
	if v.e.ctx == nil {
		return fmt.Errorf("set the quality: %w", mixer.ErrClosed)
	}
	if v.cfg.Codec != mixer.H264 || v.cfg.Quality == 0 {
		return fmt.Errorf("set the quality of %s: %w", v.cfg.Codec, mixer.ErrUnsupported)
	}
	if n := C.set_crf((*C.AVCodecContext)(v.e.ctx.UnsafePointer()), C.double(q)); n < 0 {
		return translate("set the quality", astiav.Error(n))
	}
	return nil
}
