r"""Assignment: which customers a strategy's control group, rollout stage or arm takes. Pure: no clock, no chance.

The definition, to the byte (docs/assignment.md has it for people, `vectors.json` has test vectors):

- salt: the text `placet-assignment/1\n`, the purpose and `\n`, the strategy and `\n`. The purpose is `holdout`,
  `rollout` or `arm`. The strategy is its name, not its version: a new version draws nobody anew.
- digest: the SHA-256 of the UTF-8 bytes of the salt followed by the customer id.
- bucket: the first 15 hexadecimal digits of the digest as a number, modulo 10,000. There are 2^60 such numbers, so no
  bucket is likelier than another by more than one part in 10^13.
- a share is whole basis points, 0 to 10,000. A customer is inside a share when their bucket is less than it. So shares
  nest: whoever is inside 10 % is inside 25 %, 50 % and 100 %.
- arms have weights in basis points that add up to 10,000, in the order of the strategy's file. They divide the buckets
  into half-open ranges in that order; a customer has the arm whose range has their bucket.
- a customer id is a `CustomerId`; anything else is refused, and never hashed.

The control group comes first: whoever is in it is treated at no stage.
"""
