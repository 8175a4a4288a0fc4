"use strict";
// Speaks by the server's own API; plays, draws and keeps the sound while it comes.

const $ = (id) => document.getElementById(id);
const AHEAD = 0.15; // seconds of sound before the first is played
const WINDOW = 512; // samples of one column of the spectrogram
const BANDS = WINDOW / 2;

let stop = () => {};
let taken = null; // the last sound: its request, samples and rate

function request() {
  return {
    input: $("text").value,
    voice: $("voice").value,
    seed: Number($("seed").value) || 0,
    speed: Number($("speed").value),
    pitch_shift: Number($("pitch").value),
    temperature: Number($("temperature").value),
  };
}

async function ask(path, body, signal) {
  const headers = {};
  if ($("key").value) headers.authorization = `Bearer ${$("key").value}`;
  if (body) headers["content-type"] = "application/json";
  const answer = await fetch(path, {
    method: body ? "POST" : "GET",
    headers,
    body: body && JSON.stringify(body),
    signal,
  });
  if (answer.ok) return answer;
  if (answer.status === 401) $("key-label").hidden = false;
  let message = `${answer.status} ${answer.statusText}`;
  try {
    message = (await answer.json()).error.message;
  } catch {}
  throw new Error(message);
}

function say(text, wrong = false) {
  $("status").textContent = text;
  $("status").classList.toggle("error", wrong);
}

async function listVoices() {
  const { voices } = await (await ask("v1/audio/voices")).json();
  $("voice").replaceChildren(
    ...voices.map((v) => {
      const option = new Option(v.speaker ? `${v.voice}: ${v.name}` : v.name, v.id);
      option.dataset.rate = v.sample_rate;
      return option;
    }),
  );
}

class Sound {
  // Samples as they come; plays them one after the other.
  constructor(rate) {
    this.rate = rate;
    this.samples = new Float32Array(0);
    this.context = new AudioContext({ sampleRate: rate }); // no piece is resampled by itself
    this.context.resume().catch(() => {});
    this.next = 0;
    this.odd = new Uint8Array(0);
    this.tiers = { words: [], phones: [] };
  }

  add(bytes) {
    const all = new Uint8Array(this.odd.length + bytes.length);
    all.set(this.odd);
    all.set(bytes, this.odd.length);
    const even = all.length & ~1;
    this.odd = all.slice(even);
    if (!even) return;
    const view = new DataView(all.buffer, 0, even);
    const piece = new Float32Array(even / 2);
    for (let i = 0; i < piece.length; i++) piece[i] = view.getInt16(2 * i, true) / 32768;
    const joined = new Float32Array(this.samples.length + piece.length);
    joined.set(this.samples);
    joined.set(piece, this.samples.length);
    this.samples = joined;
    this.play(piece);
  }

  play(piece) {
    const buffer = this.context.createBuffer(1, piece.length, this.rate);
    buffer.copyToChannel(piece, 0);
    const source = this.context.createBufferSource();
    source.buffer = buffer;
    source.connect(this.context.destination);
    // Later than it should be where the sound comes too slowly.
    this.next = Math.max(this.next, this.context.currentTime + (this.next ? 0.02 : AHEAD));
    source.start(this.next);
    this.next += buffer.duration;
  }
}

function sized(canvas) {
  const scale = window.devicePixelRatio || 1;
  canvas.width = Math.max(1, Math.round(canvas.clientWidth * scale));
  canvas.height = Math.max(1, Math.round(canvas.clientHeight * scale));
  return [canvas.getContext("2d"), canvas.width, canvas.height];
}

function draw({ samples, rate, tiers }) {
  const [wave, width, height] = sized($("waveform"));
  wave.fillStyle = getComputedStyle(document.documentElement).getPropertyValue("--accent");
  for (let x = 0; x < width; x++) {
    let low = 0;
    let high = 0;
    const end = Math.floor(((x + 1) * samples.length) / width);
    for (let i = Math.floor((x * samples.length) / width); i < end; i++) {
      low = Math.min(low, samples[i]);
      high = Math.max(high, samples[i]);
    }
    const top = ((1 - high) * height) / 2;
    wave.fillRect(x, top, 1, Math.max(1, ((high - low) * height) / 2));
  }
  drawSpectrogram(samples);
  for (const name in tiers) drawTier($(name), tiers[name], samples.length / rate);
}

function drawTier(element, intervals, seconds) {
  const place = (time) => `${(100 * time) / seconds}%`;
  element.replaceChildren(
    ...intervals
      .filter(({ start }) => start < seconds)
      .map(({ label, start, end }) => {
        const span = document.createElement("span");
        span.role = "listitem";
        span.textContent = label;
        span.title = `${label}: ${start.toFixed(2)} to ${end.toFixed(2)} s`;
        span.style.left = place(start);
        span.style.width = place(end - start);
        return span;
      }),
  );
}

function drawSpectrogram(samples) {
  const [context, width, height] = sized($("spectrogram"));
  const columns = Math.min(width, 600);
  const image = new ImageData(columns, BANDS);
  const dark = matchMedia("(prefers-color-scheme: dark)").matches;
  for (let x = 0; x < columns; x++) {
    const power = spectrum(samples, Math.round((x * (samples.length - WINDOW)) / columns));
    for (let band = 0; band < BANDS; band++) {
      const level = Math.min(1, Math.max(0, 1 + Math.log10(power[band] + 1e-9) / 6));
      const shade = dark ? 255 * level : 255 * (1 - level);
      const at = 4 * ((BANDS - 1 - band) * columns + x);
      image.data.set([shade, shade, shade, 255], at);
    }
  }
  const small = document.createElement("canvas");
  small.width = columns;
  small.height = BANDS;
  small.getContext("2d").putImageData(image, 0, 0);
  context.drawImage(small, 0, 0, width, height);
}

function spectrum(samples, begin) {
  // Power in each band of a Hann window: a radix-2 FFT.
  const re = new Float32Array(WINDOW);
  const im = new Float32Array(WINDOW);
  for (let i = 0; i < WINDOW; i++) {
    const hann = 0.5 - 0.5 * Math.cos((2 * Math.PI * i) / WINDOW);
    let to = 0;
    for (let bit = 1, from = i; bit < WINDOW; bit <<= 1, from >>= 1) to = (to << 1) | (from & 1);
    re[to] = hann * (samples[begin + i] || 0);
  }
  for (let size = 2; size <= WINDOW; size *= 2) {
    for (let k = 0; k < size / 2; k++) {
      const c = Math.cos((2 * Math.PI * k) / size);
      const s = -Math.sin((2 * Math.PI * k) / size);
      for (let a = k; a < WINDOW; a += size) {
        const b = a + size / 2;
        const r = re[b] * c - im[b] * s;
        const i = re[b] * s + im[b] * c;
        [re[b], im[b]] = [re[a] - r, im[a] - i];
        [re[a], im[a]] = [re[a] + r, im[a] + i];
      }
    }
  }
  return re.subarray(0, BANDS).map((r, i) => (r * r + im[i] * im[i]) / WINDOW);
}

function toWav({ samples, rate }) {
  const view = new DataView(new ArrayBuffer(44 + 2 * samples.length));
  const text = (at, s) => [...s].forEach((c, i) => view.setUint8(at + i, c.charCodeAt(0)));
  text(0, "RIFF");
  view.setUint32(4, 36 + 2 * samples.length, true);
  text(8, "WAVEfmt ");
  view.setUint32(16, 16, true);
  view.setUint16(20, 1, true);
  view.setUint16(22, 1, true);
  view.setUint32(24, rate, true);
  view.setUint32(28, 2 * rate, true);
  view.setUint16(32, 2, true);
  view.setUint16(34, 16, true);
  text(36, "data");
  view.setUint32(40, 2 * samples.length, true);
  samples.forEach((x, i) => view.setInt16(44 + 2 * i, Math.round(x * 32768), true));
  return new Blob([view], { type: "audio/wav" });
}

async function* events(answer) {
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  for (let part; !(part = await reader.read()).done; ) {
    const parts = (text + part.value).split("\n\n");
    text = parts.pop();
    for (const one of parts) yield JSON.parse(one.replace("data: ", ""));
  }
}

async function speak() {
  const controller = new AbortController();
  const begun = performance.now();
  let sound = null;
  stop();
  stop = () => {
    controller.abort();
    if (sound) sound.context.close();
    stop = () => {};
    $("stop").disabled = true;
  };
  $("stop").disabled = false;
  $("player").hidden = $("downloads").hidden = true;
  say("speaking …");
  try {
    const asked = request();
    const rate = Number($("voice").selectedOptions[0].dataset.rate);
    const bare = { ...asked, response_format: "pcm", sample_rate: rate };
    const streamed = { ...bare, stream_format: "sse", timestamps: true };
    const answer = await ask("v1/audio/speech", streamed, controller.signal);
    sound = new Sound(rate);
    $("sound").hidden = false;
    let first = 0;
    let drawn = 0;
    for await (const event of events(answer)) {
      if (event.type === "error") throw new Error(event.error.message);
      for (const name in sound.tiers) sound.tiers[name].push(...(event[name] || []));
      if (!event.audio) continue;
      first = first || performance.now() - begun;
      sound.add(Uint8Array.from(atob(event.audio), (c) => c.charCodeAt(0)));
      if (performance.now() - drawn > 250) {
        draw(sound);
        drawn = performance.now();
      }
    }
    draw(sound);
    taken = { asked, samples: sound.samples, rate, tiers: sound.tiers };
    $("player").src = URL.createObjectURL(toWav(taken));
    $("player").hidden = $("downloads").hidden = false;
    const seconds = sound.samples.length / sound.rate;
    say(`${seconds.toFixed(2)} s of sound, the first after ${(first / 1000).toFixed(2)} s`);
    const left = Math.max(0, sound.next - sound.context.currentTime);
    const { context } = sound;
    setTimeout(() => {
      if (context.state !== "closed") stop();
    }, 1000 * left + 300);
  } catch (error) {
    const stopped = error.name === "AbortError";
    stop();
    say(stopped ? "stopped" : error.message, !stopped);
  }
}

async function download(format) {
  let data;
  try {
    const same = { ...taken.asked, response_format: format };
    data = await (await ask("v1/audio/speech", same)).blob();
  } catch (error) {
    say(error.message, true);
    return;
  }
  const link = document.createElement("a");
  link.href = URL.createObjectURL(data);
  link.download = `speech.${format}`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
}

$("form").addEventListener("submit", (event) => {
  event.preventDefault();
  speak();
});
$("stop").addEventListener("click", () => {
  stop();
  say("stopped");
});
$("text").addEventListener("keydown", (event) => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) speak();
});
$("key").addEventListener("change", () => listVoices().catch((e) => say(e.message, true)));
document.querySelectorAll("[data-format]").forEach((button) => {
  button.addEventListener("click", () => download(button.dataset.format));
});
document.querySelectorAll("input[type=range]").forEach((input) => {
  const show = () => {
    input.parentElement.querySelector("output").textContent =
      input.value + (input.dataset.unit || "");
  };
  input.addEventListener("input", show);
  show();
});
window.addEventListener("resize", () => taken && draw(taken));
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => taken && draw(taken));
listVoices().catch((error) => say(error.message, true));
