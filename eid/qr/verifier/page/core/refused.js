/** A code that is not accepted, with the stable reason of docs/reference/qr-claims.md. */
export class Refused extends Error {
  constructor(code) {
    super(code);
    this.name = "Refused";
    this.code = code;
  }
}
