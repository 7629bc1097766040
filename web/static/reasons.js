/** reasons.js – why a source is not live, and why its sound is missing, in the language of the browser. */

/** @typedef {import('./azulejo.js').Participant} Participant */
/** @typedef {import('./azulejo.js').Tile} Tile */

/** @type {Record<string, {en: string, ko: string}>} sentences by the reason of the server */
export const reasons = {
  'connecting': {en: 'Connecting…', ko: '연결하는 중입니다…'},
  'refused': {en: 'The camera refuses the connection.', ko: '카메라가 연결을 거부합니다.'},
  'unreachable': {en: 'There is no route to the camera.', ko: '카메라까지 가는 네트워크 경로가 없습니다.'},
  'unknown-host': {en: 'The host name of the camera is not known.', ko: '카메라의 호스트 이름을 찾을 수 없습니다.'},
  'timeout': {en: 'The camera does not answer.', ko: '카메라가 응답하지 않습니다.'},
  'wrong-password': {en: 'The camera refuses the user name or the password.', ko: '카메라가 사용자 이름이나 비밀번호를 거부합니다.'},
  'no-such-stream': {en: 'The camera has no stream at this address.', ko: '카메라에 이 주소의 스트림이 없습니다.'},
  'certificate': {en: 'The certificate of the camera is not trusted.', ko: '카메라의 인증서를 신뢰할 수 없습니다.'},
  'forbidden': {en: 'The account may not watch this camera.', ko: '이 계정에는 카메라를 볼 권한이 없습니다.'},
  'no-data': {en: 'The camera sends nothing.', ko: '카메라가 아무것도 보내지 않습니다.'},
  'no-picture-codec': {en: 'The camera offers no video that can be decoded.', ko: '카메라의 영상 형식을 재생할 수 없습니다.'},
  'no-keyframe': {en: 'No picture that a video can start with has come yet.', ko: '영상을 시작할 화면(키프레임)이 아직 오지 않았습니다.'},
  'too-large': {en: 'The picture is too large.', ko: '영상이 너무 큽니다.'},
  'damaged': {en: 'The pictures are damaged.', ko: '영상이 손상되었습니다.'},
  'stalled': {en: 'No new picture comes.', ko: '새 화면이 오지 않습니다.'},
  'frozen': {en: 'The picture does not change.', ko: '화면이 변하지 않습니다.'},
  'quarantined': {en: 'This source is blocked, because it did harm before.', ko: '문제를 일으킨 적이 있어 차단된 영상입니다.'},
  'muted': {en: 'The camera is switched off.', ko: '카메라가 꺼져 있습니다.'},
  'reconnecting': {en: 'The connection broke. Connecting again…', ko: '연결이 끊어져 다시 연결하는 중입니다…'},
  'no-audio-codec': {en: 'No sound: its format cannot be decoded.', ko: '소리 없음: 소리 형식을 재생할 수 없습니다.'},
  'bad-audio-config': {en: 'No sound: the camera describes it wrongly.', ko: '소리 없음: 카메라가 소리 설정을 잘못 알려 줍니다.'},
  'audio-refused': {en: 'No sound: the camera refuses to send it.', ko: '소리 없음: 카메라가 소리를 보내지 않습니다.'},
};

/** @returns {'ko'|'en'} Korean for readers who prefer it to English */
export function language() {
  const first = (navigator.languages || []).find((l) => /^(ko|en)\b/i.test(l)) || 'en';
  return /^ko/i.test(first) ? 'ko' : 'en';
}

/** The sentence of a reason; the word itself if this page does not know it. @param {string} reason */
export function explain(reason) {
  return reasons[reason]?.[language()] || reason;
}

/** "since 14:03", with the day unless it is today. @param {string} since RFC 3339 @param {Date} [today] */
export function sinceWhen(since, today = new Date()) {
  const then = new Date(since);
  const lang = language();
  /** @type {Intl.DateTimeFormatOptions} */
  const time = {hour: '2-digit', minute: '2-digit', hourCycle: 'h23'};
  const text = then.toDateString() === today.toDateString()
    ? then.toLocaleTimeString(lang, time)
    : then.toLocaleString(lang, {month: 'short', day: 'numeric', ...time});
  return lang === 'ko' ? `${text}부터` : `since ${text}`;
}

/**
 * The lines about a tile that is not live: the sentence, since when, the detail, the sound. Lines that have nothing to say are
 * missing.
 * @param {Pick<Tile, 'state'|'reason'>} tile
 * @param {Participant} [source] who has more to say about the tile
 * @returns {{sentence: string, since: string, detail: string, sound: string}}
 */
export function trouble(tile, source) {
  const reason = tile.state === 'live' ? '' : tile.reason || '';
  const same = reason !== '' && source?.reason === reason; // the messages about the two may cross
  return {
    sentence: reason && explain(reason),
    since: same && source?.since ? sinceWhen(source.since) : '',
    detail: same && source?.detail || '',
    sound: source?.audioReason ? explain(source.audioReason) + (source.audioDetail ? ` (${source.audioDetail})` : '') : '',
  };
}
