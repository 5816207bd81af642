/* Loaded before the page (after iwer): an emulated headset, and eyes that look at what the page draws.
 * Everything here is the test's own: the page knows nothing of it. */
(() => {
  const { XRDevice, metaQuest3 } = window.IWER;
  const device = new XRDevice(metaQuest3, { stereoEnabled: true, ipd: 0.064, fovy: 1.5 });
  device.installRuntime({ forceInstall: true });

  const harness = { device, swing: null, seat: null, seen: [], everyNth: 3, keep: 40, dots: [], points: [], near: null, patches: [] };
  window.harness = harness;

  // the page's WebGL context
  let gl = null;
  const getContext = HTMLCanvasElement.prototype.getContext;
  HTMLCanvasElement.prototype.getContext = function (kind, options) {
    const context = getContext.call(this, kind, options);
    if (kind === 'webgl2') gl = context;
    return context;
  };
  // the page's seated space
  const offset = XRReferenceSpace.prototype.getOffsetReferenceSpace;
  XRReferenceSpace.prototype.getOffsetReferenceSpace = function (origin) {
    // iwer 2.5 hands the transform on where its own constructor wants the matrix
    return (harness.seat = offset.call(this, origin.matrix));
  };
  // move the head before a frame, look at the pixels after it
  let count = 0;
  const request = XRSession.prototype.requestAnimationFrame;
  XRSession.prototype.requestAnimationFrame = function (callback) {
    const session = this;
    return request.call(this, (time, frame) => {
      callback(time, frame);
      if (harness.seat && ++count % harness.everyNth === 0 && harness.seen.length < harness.keep) look(session, frame);
      if (harness.swing) harness.swing(performance.now() / 1000);
    });
  };

  /** Yaw ±20° and pitch ±5° at about 0.5 Hz: a head that looks around. */
  harness.startSwing = () => {
    const start = performance.now() / 1000;
    harness.swing = (now) => {
      const yaw = ((20 * Math.PI) / 180) * Math.sin(Math.PI * (now - start));
      const pitch = ((5 * Math.PI) / 180) * Math.sin(2.3 * Math.PI * (now - start));
      const [sy, cy, sp, cp] = [Math.sin(yaw / 2), Math.cos(yaw / 2), Math.sin(pitch / 2), Math.cos(pitch / 2)];
      device.quaternion.set(cy * sp, sy * cp, -sy * sp, cy * cp);
    };
  };

  const rotate = (q, [x, y, z]) => {
    const u = [q.x, q.y, q.z];
    const cross = (a, b) => [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]];
    const t = cross(u, [x, y, z]).map((v) => 2 * v);
    const c = cross(u, t);
    return [x + q.w * t[0] + c[0], y + q.w * t[1] + c[1], z + q.w * t[2] + c[2]];
  };
  const unit = (v) => v.map((c) => c / Math.hypot(...v));
  const angle = (a, b) => {
    const dot = a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
    const x = [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]];
    return (Math.atan2(Math.hypot(...x), dot) * 180) / Math.PI;
  };
  const direction = ([az, el]) => {
    const [a, e] = [(az * Math.PI) / 180, (el * Math.PI) / 180];
    return [Math.sin(a) * Math.cos(e), Math.sin(e), -Math.cos(a) * Math.cos(e)];
  };

  function look(session, frame) {
    const pose = frame.getViewerPose(harness.seat);
    const layer = session.renderState.baseLayer;
    if (!pose || !gl) return;
    const head = pose.transform.orientation;
    const shown = window.__stillwater.shown().at(-1);
    const stats = window.__stillwater.stats();
    const sample = { picture: stats.picture ?? 0, safe: stats.safe ?? 0, eyes: [] };
    if (shown) {
      const then = { x: shown[6], y: shown[7], z: shown[8], w: shown[9] };
      sample.headTurnedDeg = angle(rotate(head, [0, 0, -1]), rotate(then, [0, 0, -1]));
    }
    for (const view of pose.views) sample.eyes.push(lookWith(view, layer.getViewport(view)));
    harness.seen.push(sample);
  }

  function lookWith(view, { x, y, width, height }) {
    const pixels = new Uint8Array(width * height * 4);
    gl.readPixels(x, y, width, height, gl.RGBA, gl.UNSIGNED_BYTE, pixels);
    const p = view.projectionMatrix;
    const q = view.transform.orientation;
    const back = { x: -q.x, y: -q.y, z: -q.z, w: q.w };
    const toPixel = (world) => {
      const d = rotate(back, world);
      if (d[2] > -0.2) return null;
      const clip = [(p[0] * d[0] + p[8] * d[2]) / -d[2], (p[5] * d[1] + p[9] * d[2]) / -d[2]];
      return [((clip[0] + 1) / 2) * width, ((clip[1] + 1) / 2) * height];
    };
    const toWorld = (px, py) => {
      const clip = [((px + 0.5) / width) * 2 - 1, ((py + 0.5) / height) * 2 - 1];
      return unit(rotate(q, [(clip[0] + p[8]) / p[0], (clip[1] + p[9]) / p[5], -1]));
    };
    const brightness = (i) => 0.299 * pixels[i] + 0.587 * pixels[i + 1] + 0.114 * pixels[i + 2];
    /** Direction of the bright spot within `radiusDeg` of `expected`; null if it is out of view, 'lost' if dark. */
    const spot = (expected, radiusDeg) => {
      const at = toPixel(expected);
      const margin = (width * radiusDeg) / 80;
      if (!at || at[0] < margin || at[1] < margin || at[0] > width - margin || at[1] > height - margin) return null;
      const sum = [0, 0, 0];
      let weight = 0;
      const reach = Math.ceil(margin * 1.6);
      for (let row = Math.max(0, at[1] - reach) | 0; row < Math.min(height, at[1] + reach); row++) {
        for (let column = Math.max(0, at[0] - reach) | 0; column < Math.min(width, at[0] + reach); column++) {
          const light = brightness(4 * (row * width + column)) - 90;
          if (light <= 0) continue;
          const d = toWorld(column, row);
          if (angle(d, expected) > radiusDeg) continue;
          const solid = (-rotate(back, d)[2]) ** 3; // a pixel far from the centre covers less of the sphere
          for (let k = 0; k < 3; k++) sum[k] += d[k] * light * solid;
          weight += light * solid;
        }
      }
      return weight < 200 ? 'lost' : unit(sum);
    };
    const errors = [];
    let lost = 0;
    for (const dot of harness.dots) {
      const expected = direction(dot);
      const found = spot(expected, 4);
      if (found === 'lost') lost++;
      else if (found) errors.push(angle(found, expected));
    }
    const at = view.transform.position;
    const leans = harness.points.map(([x, y, z]) => {
      const expected = unit([x - at.x, y - at.y, z - at.z]);
      const found = spot(expected, 7);
      return found === null || found === 'lost' ? found : angle(found, expected);
    });
    const near = harness.near ? spot(unit(harness.near), 5) : null;
    const patches = harness.patches.map((where) => {
      const at = toPixel(direction(where));
      if (!at) return null;
      const i = 4 * (Math.round(at[1]) * width + Math.round(at[0]));
      return [pixels[i], pixels[i + 1], pixels[i + 2]];
    });
    return { errors, lost, leans, near, patches, eye: view.eye };
  }
})();
