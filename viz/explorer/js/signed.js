// The colours of what is more in A, and of what is more in B: viz/theme.py has them.

export class SignedColours {
  /** @param {HTMLElement} element within the explorer */
  constructor(element) {
    const style = getComputedStyle(element);
    this.more = style.getPropertyValue("--hl-tint");
    this.less = style.getPropertyValue("--hl-less");
    this.opacity = Number(style.getPropertyValue("--hl-token-opacity"));
  }

  /**
   * @param {number} share of the top of the scale, from -1 to 1
   * @param {number} [opacity] at the top
   */
  of(share, opacity = this.opacity) {
    return `rgb(${share > 0 ? this.more : this.less} / ${(opacity * Math.abs(share)).toFixed(3)})`;
  }
}
