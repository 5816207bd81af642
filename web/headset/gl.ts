/** The little of WebGL that we need, typed. */

export class Program {
  readonly #gl: WebGL2RenderingContext;
  readonly #program: WebGLProgram;
  readonly #locations = new Map<string, WebGLUniformLocation>();

  constructor(gl: WebGL2RenderingContext, vertex: string, fragment: string) {
    this.#gl = gl;
    this.#program = gl.createProgram();
    for (const [kind, source] of [[gl.VERTEX_SHADER, vertex], [gl.FRAGMENT_SHADER, fragment]] as const) {
      const shader = gl.createShader(kind);
      if (shader === null) throw new Error('shader could not be created: the WebGL context is lost');
      gl.shaderSource(shader, source);
      gl.compileShader(shader);
      gl.attachShader(this.#program, shader);
      gl.deleteShader(shader);
    }
    gl.linkProgram(this.#program);
    if (!gl.getProgramParameter(this.#program, gl.LINK_STATUS) && !gl.isContextLost()) {
      throw new Error(`shader did not link: ${gl.getProgramInfoLog(this.#program) ?? 'no reason given'}`);
    }
    const count = Number(gl.getProgramParameter(this.#program, gl.ACTIVE_UNIFORMS) ?? 0);
    for (let i = 0; i < count; i++) {
      const name = gl.getActiveUniform(this.#program, i)?.name;
      const location = name === undefined ? null : gl.getUniformLocation(this.#program, name);
      if (name !== undefined && location !== null) this.#locations.set(name, location);
    }
  }

  use(): this {
    this.#gl.useProgram(this.#program);
    return this;
  }

  float(name: string, value: number): this {
    this.#gl.uniform1f(this.#at(name), value);
    return this;
  }

  int(name: string, value: number): this {
    this.#gl.uniform1i(this.#at(name), value);
    return this;
  }

  vec2(name: string, value: readonly [number, number]): this {
    this.#gl.uniform2f(this.#at(name), ...value);
    return this;
  }

  vec3(name: string, value: readonly [number, number, number]): this {
    this.#gl.uniform3f(this.#at(name), ...value);
    return this;
  }

  vec4(name: string, value: readonly [number, number, number, number]): this {
    this.#gl.uniform4f(this.#at(name), ...value);
    return this;
  }

  mat3(name: string, value: Iterable<number>): this {
    this.#gl.uniformMatrix3fv(this.#at(name), false, value);
    return this;
  }

  mat4(name: string, value: Iterable<number>): this {
    this.#gl.uniformMatrix4fv(this.#at(name), false, value);
    return this;
  }

  #at(name: string): WebGLUniformLocation | null {
    return this.#locations.get(name) ?? null;
  }
}

/** A texture that clamps and filters linearly, with storage made again only when the size changes. */
export class Texture {
  readonly #gl: WebGL2RenderingContext;
  #texture: WebGLTexture | null = null;
  #size = '';

  constructor(gl: WebGL2RenderingContext) {
    this.#gl = gl;
  }

  /** Bind to `unit`, with storage of this format and size. */
  ready(unit: number, format: GLenum, width: number, height: number): void {
    const gl = this.#gl;
    gl.activeTexture(gl.TEXTURE0 + unit);
    const size = `${format} ${width} ${height}`;
    if (size !== this.#size) {
      if (this.#texture !== null) gl.deleteTexture(this.#texture);
      this.#texture = gl.createTexture();
      this.#size = size;
      gl.bindTexture(gl.TEXTURE_2D, this.#texture);
      gl.texStorage2D(gl.TEXTURE_2D, 1, format, width, height);
      for (const filter of [gl.TEXTURE_MIN_FILTER, gl.TEXTURE_MAG_FILTER]) {
        gl.texParameteri(gl.TEXTURE_2D, filter, gl.LINEAR);
      }
      for (const wrap of [gl.TEXTURE_WRAP_S, gl.TEXTURE_WRAP_T]) {
        gl.texParameteri(gl.TEXTURE_2D, wrap, gl.CLAMP_TO_EDGE);
      }
    }
    gl.bindTexture(gl.TEXTURE_2D, this.#texture);
  }

  bind(unit: number): void {
    this.#gl.activeTexture(this.#gl.TEXTURE0 + unit);
    this.#gl.bindTexture(this.#gl.TEXTURE_2D, this.#texture);
  }
}
