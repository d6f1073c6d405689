{
    "meta": {
        "coin": "skycoin",
        "cryptoType": "sha256-xor",
        "encrypted": "true",
        "filename": "mine.wlt",
        "label": "mine",
        "lastSeed": "",
        "secrets": "kZ0HZ4lL2AoSS7XVWEWAY3/NpZxvnxQpImGBOfWEaWMopd2P/83BJ+Icuqs26FQDwbN2Z/r3F5GXJg2NyuHnL9QjTfeQf6lrNh878z6MsnK4Ckot7+3s74sXPYK3Ln0gFktSrAwCrrcwf6DBXS+2w5PevSwVR8x0rDw06CwkHYQAGcpDMeq9RrxRue1yx9z2bB/Cahm0DH8POeT7UABGX8ByUt9otpbsACteXJHD2jcBjZ1WwxhOfZZlZt6Feu/gmPjqAtV/82HTPerOo3go5w2Za32/TdBRyAKZfVkbqK2Rj32pBjJepSm/lexvIfCsDekMLACtSAS4S4d9W5fhYyoYCht9d/z3G3+A/GhJPYrlEQzoB+mbpKdxAI36aEUyUP2etCk2VXJcT72ob8CivCYfzU8OIuSYMZSZGry1frXwETQD2Jd0NkbglvMJ8IzRRfg8t6Eaqo35FsxAPVGj0M4hUY9aH5gseWPnIC5G0OS7s6a8WjREWvhWZeOU40mczyVPYf4t1fgTylh4N20SpZgdKGCmdCEFPxrlJdiHjShxbrISw8TuhD5KveSQVEOZrCd/4eoB2oLsHfM3pT1v8xVWRf3/QPBqUn6Iha+3W4ayHBbksrC2Rq4QX0Eob7TWi9dlBuSZLppb9dAEVyKDLPxO8uWOEwr2m1xs8tzCIUMCfucdFNYWbcJvKzUZb53jyaH9nn6NwZIDG9b0DP/fblk852dRDLQdIs8UAUcNk+rd9x2IJZTymIyu/MEKdlD6Xcd8RjVmRz+Yoc57RaYiSWkRW5n2nzcdDlr4kHSW1/cQCcBVnjLW7eg3sfXNC2pUErd1fdlVi79zgR1PqjII0B+69deJY/u0ihe5JwJsoiYnDGn0r9DFRqy4uWH5c8LSOqdnnY4QQMrY+GPQtxbfl1e+dtXuydjWh7GCttZQ9SxJUk+mWGYHZaX3kKV8PXfQO6p7QPBG+KLdY+fri4v/YQBzoFfd+PftX7l2g+h3RwrF8MjUqLK/uUl73gKgV3UYmhuC1YSmwuoAy2S07Or0u8ZSAn0B625pYuX+ukhsI/CxtgFLAo8EFfiMD4Zv68vf9vnaEehhPzOA8nMfC/bWXlvMci76CyY4c6BDxMC75NfQPOLgwEcxmaOiD7rbTCugYN97EVqCj+KD5hhMjdlpW8Ts5NqD6CBdEU24XHOdS6XnyEP6+VPXLanzmTC8F1WizKl6Bf1Hpfxa21A+Fo2456e544GhSv/S4FCjnajzVUvdqZ5eTT7IYim3LJHpt5sokgz/tGMmRi7PpAKCKXyPYPp2u/raXXs4yWP0+z7uPehY9HOYVQjH1JnLSWBLObWZ/dE0jJ4I558as9LDapbVL+urSaAFn1O8MhHe3rhjum6v6w5q9ghSG+Xx5Ffjr6u4CUElOFnAF9qsHlaMZsYZADeHS2S6yd9FTWeI/jGRY7oERv4YI1G8tUH58FWlUWiyeaCk5+CVhoz7qjbAX/4ZO2UGP0UKCANL3We4C5szwoY7mvKo/W8XlDlTElhtpGHcjw37fBC2Ho9DUdQPD6tYcW7YBa3aC5im166CpcN7PN3HZlJ4aWzubQUaV3U8L31V1PM+EVofeCCqVjkLC0RIwwwGNVE+l6+1kjRJp76Z5ptFV6G1aEQyuD7hI+7qSD+Vu7/fFMkFlxCZj0u33NADOF7uJEgqWuXlvN16fQIv6qzM2PXktwibffSEpZUE4eczCzKoGbSCtrNkBp3k2+pHwuvxV7cT0StZ8T7Pr3mYpW9r9HMtO4O8wh00qfxjkdFlfg2m4I6zUdYgof+eCSex7CNEfRFShEej+XHpimpI+IpHZJ/IIi6q3IJRr5zAVAW2WuMqpZ3HHBBSgADTVDq4Qg==",
        "seed": "",
        "seedPassphrase": "",
        "tm": "1795672663",
        "type": "collection",
        "version": "0.4",
        "xpub": ""
    },
    "entries": [
        {
            "address": "2EFSW8YqFDG3x6mwfbDjBk6M9eMc6WUoFHZ",
            "public_key": "0305e00701e9ac4ebc32de970042e065b0815bdb6a0689478c63eb5834fdf1871a",
            "secret_key": ""
        },
        {
            "address": "24qhX1ZC9F8iDaT6R13j4fgJyQvumW2izpm",
            "public_key": "02dfaea66d7fffc86f30446226d191720ef4cfff028851e276f69300906bdcbc03",
            "secret_key": ""
        },
        {
            "address": "oJAsEpQrwQdVs6D12ufJ4T25EcCQYg9XFX",
            "public_key": "03c072cf0f6cdf503d00b086ed776999f67fe5a065d64e682fdb5e900c9a41826d",
            "secret_key": ""
        },
        {
            "address": "Zr7NGdVCLTPCbCrCBeYQFYHt389XhEUcfk",
            "public_key": "03e3be0c221ac14df0a71a739b02d8a3585af2ec38b60f812a7c72baa8bc215c8c",
            "secret_key": ""
        },
        {
            "address": "R48MmWamS2Z7eomRu4swN1Qn1fNvyRWmbr",
            "public_key": "021170db935bac17ac3754bd3086e22b869744d33063f3922b3e62edae95e8f97e",
            "secret_key": ""
        },
        {
            "address": "TZTziG8nnjot6br48btTCiwHHyzFktETYn",
            "public_key": "027ee56798b97b1719c11eda524712358dcce5cf21da67ed1a5e603f34aac76de0",
            "secret_key": ""
        },
        {
            "address": "2erA869uwmKLVJJPxGCStKgwkxNzhKiyQUP",
            "public_key": "039c1f8f6f72c51a64d26e0848331b97f7523727c855df3eb297bec9f84d3cd616",
            "secret_key": ""
        },
        {
            "address": "Kv6bfsgsaNjGdY1N4CkWsqERW6iRkfLx6V",
            "public_key": "036f22d250a23be12a81bbdc122ceee551a0cbb62860d0afebcc903982f0b75755",
            "secret_key": ""
        },
        {
            "address": "2HtBwWZ5Uyrq6dM4ZX5YdN9LdPzDTR62CJG",
            "public_key": "024d8b68385c62fff5989f46a145a97af00201066b9f59dc4611265fbb04e64fbc",
            "secret_key": ""
        },
        {
            "address": "95tRnfvCZqnw3qhug5ShcpK3Y7khDpZTxx",
            "public_key": "025cdcf8fc1230b0e1ac9574190c47759ef6ddc18f24c35f09c3b86e3dc47d7020",
            "secret_key": ""
        },
        {
            "address": "2dzMJ3jZ9ywxC1HUU72mGZaHRD8fYE66uhP",
            "public_key": "035e08e0704fa63e84c43e510944c4f55351bef28889a26c153a2c3e32a1535df6",
            "secret_key": ""
        },
        {
            "address": "2geXvqB3QXrCZjyWq2MhLVa3yTJ73ktand2",
            "public_key": "0380b59c81185b6cbb6d0f5fae20d8c31adf8ba8d85ed754965092908d3a72b4fb",
            "secret_key": ""
        }
    ]
}